"""Jobs in the foreground: what every command of an operator shares."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from django.utils import timezone
from tqdm import tqdm

from prices.domain.bars import InvalidSymbol
from prices.domain.markets import UnknownMarket, resolve
from prices.domain.outcomes import Outcome, Result
from prices.jobs import cancellation, execution, runs
from prices.models import SyncRun, TrackedSymbol
from prices.providers.base import ProviderError
from prices.store.locks import Busy
from prices.store.mongo import StoreError, StoreUnavailable
from prices.symbols.tracking import current_names
from prices.web.database_errors import explain_database_error


class ForegroundCommand(BaseCommand):
    """Says foreseeable faults in a sentence, and fails with status 1; 130 where Ctrl-C ended it."""

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self.work(**options)
        except KeyboardInterrupt:
            raise CommandError("Stopped; what is done stays done.", returncode=130) from None
        except BrokenPipeError:
            # Whoever read the output has seen enough (… | head); Python would still complain.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        except (InvalidSymbol, UnknownMarket, ProviderError, Busy) as error:
            raise CommandError(str(error)) from error
        except StoreUnavailable as error:
            raise CommandError(
                f"{error} (Is the system up? Start it with: manage.py up)"
            ) from error
        except StoreError as error:
            raise CommandError(str(error)) from error
        except DatabaseError as error:
            raise CommandError(explain_database_error(error)) from error

    def work(self, *args: Any, **options: Any) -> None:
        raise NotImplementedError

    def perform(
        self, kind: SyncRun.Kind, symbols: Iterable[str] = (), options: dict[str, Any] | None = None
    ) -> None:
        """Does a run right here and tells how it went. :raises CommandError: something failed."""
        wanted = list(symbols)
        run = runs.begin(
            kind, trigger="command", symbols=wanted, options=options, now=timezone.now()
        )
        try:
            with self._progress(len(wanted)) as heard:
                execution.work_on(run, share=False, on_outcome=heard)
        except KeyboardInterrupt:
            # Else the cluster would take it for a lost one, and go on with it.
            cancellation.abandon(run, by="Ctrl-C", now=timezone.now())
            raise
        run.refresh_from_db()
        self.summarise(run)

    @contextmanager
    def _progress(self, total: int) -> Iterator[Any]:
        """A bar on a terminal; elsewhere a plain line for each symbol."""
        if not sys.stdout.isatty():
            yield lambda outcome: self.stdout.write(_line(outcome))
            return
        with tqdm(total=total or None, unit=" symbols") as bar:

            def heard(outcome: Outcome) -> None:
                bar.set_postfix_str(outcome.symbol)
                bar.update()
                if outcome.result is Result.FAILED or (
                    outcome.message and outcome.result is Result.UPDATED
                ):
                    bar.write(_line(outcome))

            yield heard

    def summarise(self, run: SyncRun) -> None:
        """Tells how a run went. :raises CommandError: something failed."""
        seconds = run.duration.total_seconds() if run.duration else 0.0
        self.stdout.write(
            f"{run.updated} updated, {run.unchanged} unchanged, {run.failed} failed; "
            f"{run.bars} bars written, {run.requests} requests, {seconds:.1f} s"
            + (f" ({run.message})" if run.message else "")
        )
        if run.state in (SyncRun.State.FAILED, SyncRun.State.PARTIAL):
            failed = f"{run.failed} symbol{'s' * (run.failed != 1)} failed."
            raise CommandError(failed if run.failed else run.message)


def _line(outcome: Outcome) -> str:
    if outcome.message:
        return f"{outcome.symbol}: {outcome.message}"
    if outcome.result is Result.FAILED:
        return f"{outcome.symbol}: failed: {outcome.error}"
    bars = f", {outcome.bars} bars" if outcome.bars else ""
    but = f", but {outcome.error}" if outcome.error else ""
    return f"{outcome.symbol}: {outcome.result}{bars}{but}"


def split_symbols(given: Iterable[str]) -> list[str]:
    """Symbols given one by one or with commas between them.

    :raises CommandError: there is none.
    """
    symbols = [part for text in given for part in text.split(",") if part.strip()]
    if not symbols:
        raise CommandError("Name at least one symbol, as in AAPL or VOD.L.")
    return symbols


def tracked(given: Iterable[str], market: str = "") -> list[TrackedSymbol]:
    """The rows of symbols, also by former names, that must be tracked already.

    :raises CommandError:
    """
    canonical = current_names(resolve(symbol, market)[0] for symbol in split_symbols(given))
    rows = {row.symbol: row for row in TrackedSymbol.objects.filter(symbol__in=canonical)}
    unknown = [symbol for symbol in canonical if symbol not in rows]
    if unknown:
        raise CommandError(
            f"Not tracked: {', '.join(unknown)}. Start with: manage.py track {unknown[0]}"
        )
    return [rows[symbol] for symbol in canonical]


def formerly(symbol: str, market: str, row: TrackedSymbol) -> str:
    """What to say where a user typed a former name; empty where it is today's."""
    canonical, _ = resolve(symbol, market)
    return "" if canonical == row.symbol else f"{canonical} is a former name of {row.symbol}. "


def agreed(question: str) -> bool:
    """Whether whoever sits at the terminal says yes."""
    try:
        return input(question).strip().lower() in ("y", "yes")
    except EOFError:
        return False  # nobody is there to be asked: --yes says it in a script


def iso_date(text: str) -> date:
    """An argparse type. :raises ValueError:"""
    return date.fromisoformat(text)


iso_date.__name__ = "date (YYYY-MM-DD)"  # what argparse calls it in its message
