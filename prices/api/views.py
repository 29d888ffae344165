"""The endpoints: each parses the request, makes one call and formats the result."""

import threading
import time
from datetime import date
from functools import lru_cache
from typing import Any, cast

from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.db import transaction
from django.http import HttpResponse, QueryDict
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound, PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from prices import services
from prices.api import bodies, serializers
from prices.domain.actions import Adjust
from prices.domain.bars import NotTracked
from prices.domain.coverage import RequestedRange
from prices.domain.markets import resolve
from prices.jobs import requests
from prices.models import Quarantine, SyncRun, TrackedSymbol
from prices.symbols.health import open_quarantine
from prices.symbols.tracking import check_spelling, current_names, not_tracked, track
from prices.sync import decisions
from prices.web.access import Right, explain_refusal, may
from prices.web.middleware import accepts_gzip
from prices.web.serializers import NoQuery, ProblemOut, StrictSerializer, validate

_ERRORS = dict.fromkeys((400, 401, 403), ProblemOut)
_RUN = {200: serializers.RunSerializer, 202: serializers.QueuedRunSerializer, **_ERRORS}
_RUN_OF_SYMBOLS = {**_RUN, 404: ProblemOut}
_SYMBOL_ERRORS = {400: ProblemOut, 404: ProblemOut}


def _knows_names(request: Request) -> bool:
    """Returns whether the reader may see the names of users: anybody with an account."""
    return bool(request.user.is_authenticated)


class StatusView(APIView):
    @extend_schema(responses=serializers.StatusOut)
    def get(self, request: Request) -> Response:
        """How complete and fresh the cache is, and what is wrong."""
        return Response(bodies.status_body(names=_knows_names(request)))


class SchedulerView(APIView):
    @extend_schema(responses=serializers.SchedulerOut)
    def get(self, request: Request) -> Response:
        """Whether jobs are running, and each job's last and next run."""
        return Response(bodies.scheduler_body(names=_knows_names(request)))


@lru_cache(maxsize=1_000)
def _parse_query(text: str) -> tuple[str, RequestedRange, Adjust]:
    """Returns the market, range and adjustment of a query string."""
    query = validate(serializers.HistoryQuery, QueryDict(text))
    asked = RequestedRange(query.get("start"), query.get("end"), query.get("days"))
    return query["market"], asked, Adjust(query["adjust"])


@lru_cache(maxsize=20_000)
def _parse_history_request(symbol: str, text: str) -> tuple[str, RequestedRange, Adjust]:
    """Returns the canonical symbol, the range and the adjustment of a request.

    Cached, like query strings: front ends repeat a few of them, and validation takes as long as
    a read.
    """
    market, asked, adjust = _parse_query(text)
    return resolve(symbol, market)[0], asked, adjust


class HistoricalView(APIView):
    @extend_schema(
        parameters=[serializers.HistoryQuery],
        responses={200: serializers.HistoryOut, **_SYMBOL_ERRORS},
    )
    def get(self, request: Request, symbol: str) -> HttpResponse:
        """Daily bars of a tracked symbol, with their coverage and freshness."""
        started = time.perf_counter()
        sent = request._request.META  # `request.headers` would parse all headers for one
        query = _parse_history_request(symbol, sent.get("QUERY_STRING", ""))
        now, reader, usage = timezone.now(), services.reader(), services.usage()
        cache, key = bodies.history_cache(), (query, accepts_gzip(request._request))
        known, rendered = sent.get("HTTP_IF_NONE_MATCH", ""), cache.get(key)
        try:
            version = reader.version(*query, now=now) if known or rendered else ""
            # Compared weakly: a proxy may have made the tag strong.
            if known.strip() == "*" or (known and f'"{version}"' in known):
                usage.hit(query[0], time.perf_counter() - started)
                return HttpResponse(status=304, headers=_headers(version))
            if rendered is None or rendered.version != version:
                rendered = bodies.render_history(reader.history(*query, now=now), gzipped=key[1])
                cache.keep(key, rendered)
        except NotTracked:
            usage.miss()
            raise
        if rendered.bars:
            usage.hit(rendered.symbol, time.perf_counter() - started)
        else:
            usage.miss()
        encoding = {"Content-Encoding": "gzip"} if rendered.is_gzipped else {}
        return HttpResponse(
            rendered.content,
            content_type="application/json",
            headers={**_headers(rendered.version), **encoding},
        )

    def perform_authentication(self, request: Request) -> None:
        """Skips the authenticators if there is nothing that they could find."""
        sent = request._request.META
        if sent.get("HTTP_AUTHORIZATION") or sent.get("HTTP_COOKIE"):
            super().perform_authentication(request)
        else:
            request.user = AnonymousUser()


def _trigger_of(request: Request) -> str:
    return f"API ({request.user.get_username()})"


def _headers(version: str) -> dict[str, str]:
    # Weak, because the same response may be compressed.
    return {"ETag": f'W/"{version}"', "Vary": "Accept-Encoding"}


class ActionsView(APIView):
    @extend_schema(responses={200: serializers.ActionsOut, **_SYMBOL_ERRORS})
    def get(self, request: Request, symbol: str) -> Response:
        """Splits and dividends of a tracked symbol, ascending."""
        validate(NoQuery, request.query_params)
        return Response(bodies.actions_body(*services.reader().actions(symbol)))


class CorrectionsView(APIView):
    @extend_schema(
        parameters=[serializers.CorrectionsQuery],
        responses={200: serializers.CorrectionsOut, **_SYMBOL_ERRORS},
    )
    def get(self, request: Request, symbol: str) -> Response:
        """Changes of stored bars by later answers or by a user, newest first, and manual bars."""
        query = validate(serializers.CorrectionsQuery, request.query_params)
        found = services.reader().corrections(symbol, **query)
        return Response(bodies.corrections_body(*found, names=_knows_names(request)))


class QuarantineView(APIView):
    @extend_schema(
        parameters=[serializers.QuarantineQuery],
        responses={200: serializers.QuarantineListOut, **_SYMBOL_ERRORS},
    )
    def get(self, request: Request) -> Response:
        """What the provider answered and the store did not take, and why, newest first."""
        query = validate(serializers.QuarantineQuery, request.query_params)
        entries = Quarantine.objects.all() if query["resolved"] else open_quarantine()
        if "symbol" in query:
            entries = entries.filter(symbol__in=_tracked([query["symbol"]]))
        return Response(bodies.quarantine_body(entries, names=_knows_names(request)))


class KeepView(APIView):
    rights = (Right.CHANGE_SYMBOLS,)

    @extend_schema(
        request=serializers.DecisionBody,
        responses={200: serializers.QuarantineListOut, **_SYMBOL_ERRORS},
    )
    def post(self, request: Request) -> Response:
        """Keeps the stored values, and does not show the same differences again."""
        entries, sessions = _chosen_entries(validate(serializers.DecisionBody, request.data))
        by, now = _trigger_of(request), timezone.now()
        decisions.keep_stored(entries, sessions, bars=services.bars(), by=by, now=now)
        return Response(bodies.quarantine_body(entries, names=_knows_names(request)))


def _chosen_entries(body: dict[str, Any]) -> tuple[list[Quarantine], list[date]]:
    """:raises NotFound: none is open."""
    sessions = body.get("sessions", [])
    try:
        entries = decisions.choose_entries(
            _tracked([body["symbol"]]), ids=body.get("entries", []), sessions=sessions
        )
    except decisions.NothingToDecide as error:
        raise NotFound(str(error)) from error
    return entries, sessions


class RunView(APIView):
    @extend_schema(responses={200: serializers.RunSerializer, 404: ProblemOut})
    def get(self, request: Request, run_id: int) -> Response:
        """A run of a job, during the run and for 30 days after it."""
        run = SyncRun.objects.filter(pk=run_id).first()
        if run is None:
            raise NotTracked(f"There is no run {run_id}; runs are kept for 30 days.")
        return Response(bodies.run_body(run, names=_knows_names(request)))


def _tracked(symbols: list[str]) -> list[str]:
    """Returns the current canonical names of the symbols.

    :raises NotTracked: at least one is not tracked.
    """
    canonical = current_names(resolve(symbol)[0] for symbol in symbols)
    rows = TrackedSymbol.objects.filter(symbol__in=canonical)
    unknown = sorted(set(canonical) - set(rows.values_list("symbol", flat=True)))
    if unknown:
        raise NotTracked(not_tracked(unknown, "Start with POST /cache/backfill-symbol."))
    return canonical


# The others of the threads for writes stay free, however many requests wait for results.
_waiting_places = threading.BoundedSemaphore(max(1, settings.WEB_THREADS // 2))
_NOT_WAITED = (
    "The result was not waited for, because as many requests as possible wait already. "
    "Read the run at its url until it has ended."
)


def _wait_for(run: SyncRun, seconds: float) -> bool:
    """Waits for the end of the run. Returns False at once if too many requests wait already."""
    if not _waiting_places.acquire(blocking=False):
        return False
    try:
        deadline = time.monotonic() + seconds
        while run.is_open and time.monotonic() < deadline:
            time.sleep(0.1)
            run.refresh_from_db()
    finally:
        _waiting_places.release()
    return True


class _QueueView(APIView):
    """A POST that queues a run: 202 with the run, or 200 if it ended within `?wait=` seconds.

    With a `notice`, the 202 was not waited for.
    """

    rights: tuple[Right, ...] = (Right.CHANGE_SYMBOLS,)
    body: type[StrictSerializer]

    def post(self, request: Request) -> Response:
        wait = validate(serializers.WaitQuery, request.query_params)["wait"]
        body = validate(self.body, request.data)
        run = self.queue(body, _trigger_of(request))
        was_heard = not wait or _wait_for(run, wait)
        shown = bodies.run_body(run, names=_knows_names(request))
        if not was_heard:
            shown["notice"] = _NOT_WAITED
        answer = Response(shown, status=202 if run.is_open else 200)
        answer["Location"] = f"/cache/runs/{run.pk}"
        return answer

    def queue(self, body: dict[str, Any], trigger: str) -> SyncRun:
        """Queues the run that the validated body asks for."""
        raise NotImplementedError


_WAIT = [serializers.WaitQuery]


@extend_schema(parameters=_WAIT, request=serializers.SymbolsBody, responses=_RUN_OF_SYMBOLS)
class RefreshLiveView(_QueueView):
    """Refreshes the quotes of the given symbols, or of all, also while their markets are closed."""

    body = serializers.SymbolsBody

    def queue(self, body: dict[str, Any], trigger: str) -> SyncRun:
        return requests.refresh(_tracked(body.get("symbols", [])), trigger=trigger).queue()


@extend_schema(parameters=_WAIT, request=serializers.SymbolsBody, responses=_RUN_OF_SYMBOLS)
class SyncHistoricalView(_QueueView):
    """Syncs the history of the given symbols, or of all that are due."""

    body = serializers.SymbolsBody

    def queue(self, body: dict[str, Any], trigger: str) -> SyncRun:
        return requests.sync(_tracked(body.get("symbols", [])), trigger=trigger).queue()


@extend_schema(parameters=_WAIT, request=serializers.EmptyBody, responses=_RUN)
class TryNowView(_QueueView):
    """Syncs what is due at once, also while the provider counts as unreachable."""

    rights = (Right.CHANGE_JOBS,)
    body = serializers.EmptyBody

    def queue(self, body: dict[str, Any], trigger: str) -> SyncRun:
        return requests.try_now(trigger=trigger).queue()


@extend_schema(parameters=_WAIT, request=serializers.BackfillBody, responses=_RUN)
class BackfillSymbolView(_QueueView):
    """Fetches the whole history of a symbol, and tracks the symbol if it is not tracked yet."""

    rights = (Right.CHANGE_SYMBOLS, Right.ADD_SYMBOL)
    body = serializers.BackfillBody

    def queue(self, body: dict[str, Any], trigger: str) -> SyncRun:
        check_spelling(body["symbol"], body["market"])
        user = cast(User, self.request.user)
        with transaction.atomic():
            row, is_new = track(body["symbol"], body["market"], now=timezone.now(), user=user)
            right = Right.ADD_SYMBOL if is_new else Right.CHANGE_SYMBOLS
            if not may(user, right):
                raise PermissionDenied(explain_refusal(right))
        return requests.backfill([row.symbol], trigger=trigger, start=body.get("start")).queue()


@extend_schema(parameters=_WAIT, request=serializers.EmptyBody, responses=_RUN)
class BackfillAllView(_QueueView):
    """Fetches the whole history of every active symbol."""

    body = serializers.EmptyBody

    def queue(self, body: dict[str, Any], trigger: str) -> SyncRun:
        return requests.backfill_all(trigger=trigger).queue()


@extend_schema(parameters=_WAIT, request=serializers.DecisionBody, responses=_RUN_OF_SYMBOLS)
class ReleaseView(_QueueView):
    """Fetches a symbol again and takes the provider's values instead of the stored ones."""

    body = serializers.DecisionBody

    def queue(self, body: dict[str, Any], trigger: str) -> SyncRun:
        entries, sessions = _chosen_entries(body)
        try:
            accepted = decisions.accepted_keys(entries, sessions)
        except decisions.NothingToDecide as error:
            raise ValidationError(str(error)) from error
        names = sorted({entry.symbol for entry in entries})
        return requests.release(names, trigger=trigger, accepted=accepted).queue()
