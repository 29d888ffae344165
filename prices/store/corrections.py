"""The corrections: every change of a stored bar, kept forever."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from pymongo import DESCENDING
from pymongo.client_session import ClientSession

from prices.domain.answers import Correction, CorrectionReason
from prices.domain.bars import SeriesKey
from prices.store.manifests import midnight
from prices.store.mongo import Db, failures_named


@dataclass(frozen=True, slots=True)
class Recorded:
    """A correction, when it was published, and by which run (None: outside of a run)."""

    symbol: str
    correction: Correction
    seen_at: datetime
    run: int | None


class CorrectionLog:
    """The corrections of one database. Methods raise `StoreUnavailable` if MongoDB is away."""

    def __init__(self, db: Db) -> None:
        self._log = db["corrections"]

    def add(
        self,
        key: SeriesKey,
        corrections: Iterable[Correction],
        *,
        run: int | None,
        now: datetime,
        session: ClientSession,
    ) -> None:
        """Adds corrections within the transaction that publishes the bars."""
        self._log.insert_many(
            [
                {
                    "symbol": key.symbol,
                    "interval": str(key.interval),
                    **asdict(c),
                    "session": midnight(c.session),
                    "why": str(c.why),
                    "seen_at": now,
                    "run": run,
                }
                for c in corrections
            ],
            session=session,
        )

    def latest(
        self, symbol: str | None = None, *, since: date | None = None, limit: int = 1_000
    ) -> list[Recorded]:
        """Returns the newest corrections, newest first; of one symbol, of sessions from `since`."""
        wanted: dict[str, Any] = {} if symbol is None else {"symbol": symbol}
        if since is not None:
            wanted["session"] = {"$gte": midnight(since)}
        order = [("seen_at", DESCENDING), ("_id", DESCENDING)]
        with failures_named():
            return [_recorded(d) for d in self._log.find(wanted).sort(order).limit(limit)]

    def count(self, *, after: datetime) -> int:
        """Returns how many were published after a moment."""
        with failures_named():
            return self._log.count_documents({"seen_at": {"$gt": after}})

    def rename(self, old: str, new: str) -> None:
        """Moves a symbol's corrections to its new name."""
        with failures_named():
            self._log.update_many({"symbol": old}, {"$set": {"symbol": new}})

    def delete(self, symbol: str) -> None:
        with failures_named():
            self._log.delete_many({"symbol": symbol})


def _recorded(d: dict[str, Any]) -> Recorded:
    correction = Correction(
        d["session"].date(), d["field"], d["old"], d["new"], CorrectionReason(d["why"])
    )
    return Recorded(d["symbol"], correction, d["seen_at"], d["run"])
