"""The endpoints: each translates, makes one call, and translates back."""

from __future__ import annotations

import time
from functools import lru_cache
from typing import Any

import orjson
from django.contrib.auth.models import AnonymousUser
from django.http import HttpResponse, QueryDict
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from prices import services
from prices.api import bodies, serializers
from prices.api.correction_serializers import CorrectionsOut
from prices.api.formats import JSON_OPTIONS
from prices.domain.actions import Adjust
from prices.domain.bars import NotTracked
from prices.domain.markets import resolve
from prices.domain.ranges import Asked
from prices.jobs import runs
from prices.models import SyncRun, TrackedSymbol
from prices.symbols.tracking import current_names, track
from prices.web.serializers import NoQuery, ProblemOut, StrictSerializer

Kind = SyncRun.Kind
_POLL_SECONDS = 0.1
_ERRORS = dict.fromkeys((400, 401, 403), ProblemOut)
_RUN = {200: serializers.RunSerializer, 202: serializers.RunSerializer, **_ERRORS}
_RUN_OF_SYMBOLS = {**_RUN, 404: ProblemOut}
_SYMBOL_ERRORS = {400: ProblemOut, 404: ProblemOut}


def _valid(serializer: type[StrictSerializer], data: Any) -> dict[str, Any]:
    checked = serializer(data=data)
    checked.is_valid(raise_exception=True)
    valid: dict[str, Any] = checked.validated_data
    return valid


class StatusView(APIView):
    @extend_schema(responses=serializers.StatusOut)
    def get(self, request: Request) -> Response:
        """How complete and how fresh the cache is, and what is wrong."""
        return Response(bodies.status_body())


class SchedulerView(APIView):
    @extend_schema(responses=serializers.SchedulerOut)
    def get(self, request: Request) -> Response:
        """Whether jobs really run, and each job's last and next run."""
        return Response(bodies.scheduler_body())


@lru_cache(maxsize=1_000)
def _parse_history_query(text: str) -> tuple[str, Asked, Adjust]:
    """The market, the range and the basis that a query string asks for.

    Front ends ask in the same few ways again and again, and checking costs as much as reading.
    """
    query = _valid(serializers.HistoryQuery, QueryDict(text))
    asked = Asked(query.get("start"), query.get("end"), query.get("days"))
    return query["market"], asked, Adjust(query["adjust"])


def _weak_tag(version: str) -> str:
    # Weak: a proxy may compress the same answer.
    return f'W/"{version}"'


class HistoricalView(APIView):
    @extend_schema(
        parameters=[serializers.HistoryQuery],
        responses={200: serializers.HistoryOut, **_SYMBOL_ERRORS},
    )
    def get(self, request: Request, symbol: str) -> HttpResponse:
        """Daily bars of a tracked symbol, with their coverage and freshness."""
        started = time.perf_counter()
        sent = request._request.META  # `request.headers` would parse all headers for one
        market, asked, adjust = _parse_history_query(sent.get("QUERY_STRING", ""))
        now, reader, usage = timezone.now(), services.reader(), services.usage()
        canonical, _ = resolve(symbol, market)
        try:
            if known := sent.get("HTTP_IF_NONE_MATCH"):
                version = reader.version(canonical, asked, adjust, now=now)
                # Compared weakly: a proxy may have made the tag strong.
                if known.strip() == "*" or f'"{version}"' in known:
                    usage.hit(canonical, time.perf_counter() - started)
                    headers = {"ETag": _weak_tag(version), "Vary": "Accept-Encoding"}
                    return HttpResponse(status=304, headers=headers)
            history = reader.history(canonical, asked, adjust, now=now)
        except NotTracked:
            usage.miss()
            raise
        body = orjson.dumps(bodies.history_body(history), option=JSON_OPTIONS)
        if len(history.bars):
            usage.hit(history.row.symbol, time.perf_counter() - started)
        else:
            usage.miss()
        headers = {"ETag": _weak_tag(history.version)}
        return HttpResponse(body, content_type="application/json", headers=headers)

    def perform_authentication(self, request: Request) -> None:
        """Does what the framework does, but a caller without any credentials costs no search."""
        sent = request._request.META
        if sent.get("HTTP_AUTHORIZATION") or sent.get("HTTP_COOKIE"):
            super().perform_authentication(request)
        else:
            request.user = AnonymousUser()


class ActionsView(APIView):
    @extend_schema(responses={200: serializers.ActionsOut, **_SYMBOL_ERRORS})
    def get(self, request: Request, symbol: str) -> Response:
        """Splits and dividends of a tracked symbol, ascending."""
        _valid(NoQuery, request.query_params)
        return Response(bodies.actions_body(*services.reader().actions(symbol)))


class CorrectionsView(APIView):
    @extend_schema(
        parameters=[serializers.CorrectionsQuery],
        responses={200: CorrectionsOut, **_SYMBOL_ERRORS},
    )
    def get(self, request: Request, symbol: str) -> Response:
        """Every stored bar of a symbol that a later answer or a person changed, newest change first."""
        query = _valid(serializers.CorrectionsQuery, request.query_params)
        row, found, by_hand = services.reader().corrections(
            symbol, since=query.get("since"), limit=query["limit"]
        )
        return Response(bodies.corrections_body(row, found, by_hand))


class RunView(APIView):
    @extend_schema(responses={200: serializers.RunSerializer, 404: ProblemOut})
    def get(self, request: Request, run_id: int) -> Response:
        """One run of a job, while it lasts and after."""
        run = SyncRun.objects.filter(pk=run_id).first()
        if run is None:
            raise NotTracked(f"There is no run {run_id}; runs are kept for 30 days.")
        return Response(serializers.RunSerializer(run).data)


class _QueueView(APIView):
    """A POST that queues a run: 202 with the run, or 200 if it ended within `?wait=` seconds."""

    def queued(self, request: Request, run: SyncRun) -> Response:
        wait = _valid(serializers.WaitQuery, request.query_params)["wait"]
        give_up_at = time.monotonic() + wait
        while run.is_open and time.monotonic() < give_up_at:
            time.sleep(_POLL_SECONDS)
            run.refresh_from_db()
        status = 202 if run.is_open else 200
        answer = Response(serializers.RunSerializer(run).data, status=status)
        answer["Location"] = f"/cache/runs/{run.pk}"
        return answer

    def trigger(self, request: Request) -> str:
        return f"API ({request.user.get_username()})"


def _tracked(symbols: list[str]) -> list[str]:
    """The canonical names of today of symbols, all of which must be tracked."""
    canonical = current_names(resolve(symbol)[0] for symbol in symbols)
    rows = TrackedSymbol.objects.filter(symbol__in=canonical)
    unknown = sorted(set(canonical) - set(rows.values_list("symbol", flat=True)))
    if unknown:
        raise NotTracked(
            f"Not tracked: {', '.join(unknown[:10])}. Start with POST /cache/backfill-symbol."
        )
    return canonical


_WAIT = [serializers.WaitQuery]


class RefreshLiveView(_QueueView):
    @extend_schema(parameters=_WAIT, request=serializers.SymbolsBody, responses=_RUN_OF_SYMBOLS)
    def post(self, request: Request) -> Response:
        """Renews quotes: of the given symbols, or of all, open market or not."""
        _valid(serializers.WaitQuery, request.query_params)
        symbols = _tracked(_valid(serializers.SymbolsBody, request.data).get("symbols", []))
        options = {} if symbols else {"all": True}
        run = runs.queue(
            Kind.LIVE_PRICE_UPDATE, trigger=self.trigger(request), symbols=symbols, options=options
        )
        return self.queued(request, run)


class SyncHistoricalView(_QueueView):
    @extend_schema(parameters=_WAIT, request=serializers.SymbolsBody, responses=_RUN_OF_SYMBOLS)
    def post(self, request: Request) -> Response:
        """Brings history forward: of the given symbols, or of all that are due."""
        _valid(serializers.WaitQuery, request.query_params)
        symbols = _tracked(_valid(serializers.SymbolsBody, request.data).get("symbols", []))
        run = runs.queue(Kind.HISTORICAL_SYNC, trigger=self.trigger(request), symbols=symbols)
        return self.queued(request, run)


class BackfillSymbolView(_QueueView):
    @extend_schema(parameters=_WAIT, request=serializers.BackfillBody, responses=_RUN)
    def post(self, request: Request) -> Response:
        """Fetches the whole history of a symbol, tracking it if nobody does."""
        _valid(serializers.WaitQuery, request.query_params)
        body = _valid(serializers.BackfillBody, request.data)
        row, _ = track(body["symbol"], body["market"], now=timezone.now())
        options: dict[str, Any] = {"whole": True}
        if "start" in body:
            options["start"] = body["start"].isoformat()
        run = runs.queue(
            Kind.BACKFILL, trigger=self.trigger(request), symbols=[row.symbol], options=options
        )
        return self.queued(request, run)


class BackfillAllView(_QueueView):
    @extend_schema(parameters=_WAIT, request=serializers.EmptyBody, responses=_RUN)
    def post(self, request: Request) -> Response:
        """Fetches the whole history of every active symbol."""
        _valid(serializers.WaitQuery, request.query_params)
        _valid(serializers.EmptyBody, request.data)
        run = runs.queue(Kind.BACKFILL, trigger=self.trigger(request), options={"whole": True})
        return self.queued(request, run)
