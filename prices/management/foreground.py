"""What the operator's commands share: runs in the foreground, symbols as typed, errors."""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import date
from functools import partial
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from django.utils import timezone
from tqdm import tqdm

from prices import services
from prices.domain.answers import Outcome, Result
from prices.domain.bars import InvalidSymbol
from prices.domain.markets import UnknownMarket, resolve
from prices.domain.wording import plural
from prices.jobs import execution, runs
from prices.jobs.requests import RunRequest
from prices.models import SyncRun, TrackedSymbol
from prices.providers.base import ProviderError
from prices.store.locks import Busy
from prices.store.mongo import StoreError, StoreUnavailable
from prices.symbols import overrides
from prices.symbols.tracking import check_spelling, current_names, not_tracked, track
from prices.web.database_errors import explain_database_error

# The trigger of a run that a command asks for.
COMMAND = "command"


class ForegroundCommand(BaseCommand):
    """Reports expected errors as a sentence with exit status 1, and Ctrl-C with 130."""

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            overrides.refresh()
            with suppress(StoreUnavailable):  # Not every command needs the store.
                services.database()
            self.work(**options)
        except KeyboardInterrupt:
            raise CommandError("Stopped. What is done stays done.", returncode=130) from None
        except BrokenPipeError:
            # The reader of the output has ended (… | head). Python would complain at its exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        except StoreUnavailable as error:
            raise CommandError(
                f"{error} (Is the system up? Start it with manage.py up.)"
            ) from error
        except (InvalidSymbol, UnknownMarket, ProviderError, StoreError, Busy) as error:
            raise CommandError(str(error)) from error
        except DatabaseError as error:
            raise CommandError(explain_database_error(error)) from error

    def work(self, *args: Any, **options: Any) -> None:
        raise NotImplementedError

    def perform(self, request: RunRequest) -> None:
        """Works on a run right here and reports it. :raises CommandError: something failed."""
        run = request.begin(now=timezone.now())
        total, hidden = len(request.symbols) or None, not sys.stdout.isatty()
        try:
            with tqdm(total=total, unit=" symbols", disable=hidden) as bar:
                execution.work_on(run, share=False, on_outcome=partial(self._show, bar))
        except KeyboardInterrupt:
            # An open run without a worker would be queued again by the canary.
            runs.abandon(run, by="Ctrl-C", now=timezone.now())
            raise
        run.refresh_from_db()
        self.summarise(run)

    def _show(self, bar: Any, outcome: Outcome) -> None:
        """Advances the progress bar, or writes a line for each symbol if there is none."""
        bar.set_postfix_str(outcome.symbol)
        bar.update()
        fixed = outcome.message and outcome.result is Result.UPDATED
        if bar.disable:
            self.stdout.write(_line(outcome))
        elif outcome.result is Result.FAILED or fixed:
            bar.write(_line(outcome))

    def summarise(self, run: SyncRun) -> None:
        """Reports how a run went. :raises CommandError: something failed."""
        seconds = run.duration.total_seconds() if run.duration else 0.0
        self.stdout.write(
            f"{run.updated} updated, {run.unchanged} unchanged, {run.failed} failed; "
            f"{run.bars} bars written, {run.requests} requests, {seconds:.1f} s"
            + (f" ({run.message})" if run.message else "")
        )
        if run.state in (SyncRun.State.FAILED, SyncRun.State.PARTIAL):
            failed = f"{plural(run.failed, 'symbol')} failed."
            raise CommandError(failed if run.failed else run.message)

    def track(self, symbols: Iterable[str], market: str) -> Iterator[tuple[TrackedSymbol, bool]]:
        """Tracks symbols as typed. Yields each row, and whether it is new.

        :raises InvalidSymbol, UnknownMarket: one of them is wrong, and none was tracked.
        """
        given = split_symbols(symbols)
        for symbol in given:
            check_spelling(symbol, market)
        names = [resolve(symbol, market)[0] for symbol in given]
        for symbol, name in zip(given, names, strict=True):
            row, created = track(symbol, market, now=timezone.now())
            if row.symbol != name:
                self.stdout.write(f"{name} is a former name of {row.symbol}.")
            yield row, created


def _line(outcome: Outcome) -> str:
    if outcome.message:
        return f"{outcome.symbol}: {outcome.message}"
    if outcome.result is Result.FAILED:
        return f"{outcome.symbol}: failed: {outcome.error}"
    bars = f", {outcome.bars} bars" if outcome.bars else ""
    but = f", but {outcome.error}" if outcome.error else ""
    return f"{outcome.symbol}: {outcome.result}{bars}{but}"


def split_symbols(given: Iterable[str]) -> list[str]:
    """Splits arguments at commas. :raises CommandError: there is no symbol."""
    symbols = [part for text in given for part in text.split(",") if part.strip()]
    if not symbols:
        raise CommandError("Name at least one symbol, as in AAPL or VOD.L.")
    return symbols


def tracked_rows(given: Iterable[str]) -> list[TrackedSymbol]:
    """Returns the rows of symbols as typed, also of former names.

    :raises CommandError: one of them is not tracked.
    """
    names = current_names(resolve(symbol)[0] for symbol in split_symbols(given))
    rows = {row.symbol: row for row in TrackedSymbol.objects.filter(symbol__in=names)}
    unknown = [name for name in names if name not in rows]
    if unknown:
        raise CommandError(not_tracked(unknown, f"Start with manage.py track {unknown[0]}."))
    return [rows[name] for name in names]


def tracked_names(given: Iterable[str] | None) -> list[str]:
    """Returns the current names of symbols as typed, nothing if None was given."""
    return [] if given is None else [row.symbol for row in tracked_rows(given)]


def confirm(question: str) -> None:
    """Asks at the terminal. :raises CommandError: the answer is not yes."""
    try:
        answer = input(f"{question} [y/N] ")
    except EOFError:
        answer = ""  # there is no terminal: a script gives --yes
    if answer.strip().lower() not in ("y", "yes"):
        raise CommandError("Nothing was changed.")


def iso_date(text: str) -> date:
    """An argparse type. :raises ValueError: it is not a date."""
    return date.fromisoformat(text)


iso_date.__name__ = "date (YYYY-MM-DD)"  # argparse shows this name in its error message
