"""Guards of what a series is and when it is whole: bars, sessions, gaps, quotes."""

from __future__ import annotations

from tests.guards.mutation import Mutation

_DOMAIN = "tests/prices/domain/"
_EDGES = f"{_DOMAIN}test_edges.py"
# The other tests of sessions build the calendars of every market.
_OF_TIME = "Last or IsClosed or ClosedAt or OpenAt or Shifted or same_moment"


def _bars(text: str, broken: str) -> Mutation:
    return Mutation("prices/domain/bars.py", text, broken, (f"{_DOMAIN}test_bars.py",))


def _coverage(text: str, broken: str) -> Mutation:
    return Mutation(
        "prices/domain/coverage.py", text, broken, (f"{_DOMAIN}test_coverage.py", _EDGES)
    )


def _sessions(text: str, broken: str) -> Mutation:
    tests = (f"{_DOMAIN}test_sessions.py", _EDGES, "-k", _OF_TIME)
    return Mutation("prices/domain/sessions.py", text, broken, tests)


def _quotes(text: str, broken: str) -> Mutation:
    return Mutation("prices/domain/quotes.py", text, broken, (f"{_DOMAIN}test_quotes.py", _EDGES))


SERIES = (
    # A series: equal columns, ascending, each time once, each row a bar that can be.
    _bars("if len({len(getattr(self, name)) for name in COLUMNS}) != 1:", "if False:"),
    _bars("if np.isnat(self.ts).any():", "if False:"),
    _bars("if (steps <= np.timedelta64(0)).any():", "if (steps < np.timedelta64(0)).any():"),
    _bars("if (steps <= np.timedelta64(0)).any():", "if (steps == np.timedelta64(0)).any():"),
    _bars("        if wrong.any():", "        if False:"),
    _bars("impossible = ~np.isfinite(prices).all(axis=0) |", "impossible ="),
    _bars("| (prices <= 0).any(axis=0)", "| (prices < 0).any(axis=0)"),
    _bars("| (volume < 0)", ""),
    _bars("(high < top * (1 - slack)) |", ""),
    _bars("| (low > bottom * (1 + slack))", ""),
    _bars("INVARIANT_TOLERANCE = 1e-4", "INVARIANT_TOLERANCE = 1e-2"),
    _bars("INVARIANT_TOLERANCE = 1e-4", "INVARIANT_TOLERANCE = 0.0"),
    _bars("if when.tzinfo is None:", "if False:"),
    _bars("not np.isfinite(array).all():", "False:"),
    _bars("kept = self.take(~np.isin(self.ts, newer.ts))", "kept = self"),
    _bars("if column.base is not None or column.flags.writeable:", "if False:"),
    # When a session is closed, and when its bar is final.
    _sessions("_utc(now - sessions.lag)", "_utc(now)"),
    _sessions('dict.fromkeys(["XLON", "XMIL"], 20)', 'dict.fromkeys(["XLON", "XMIL"], 0)'),
    _sessions("_DEFAULT_LAG_MINUTES = 15", "_DEFAULT_LAG_MINUTES = 0"),
    _sessions("SESSIONS_TO_SETTLE = 2", "SESSIONS_TO_SETTLE = 1"),
    _sessions('_utc(now - sessions.lag), side="right"', "_utc(now - sessions.lag)"),
    _sessions("np.searchsorted(sessions.closes, ", "np.searchsorted(sessions.opens, "),
    _sessions(
        "return self.is_session(session) and last is not None and", "return last is not None and"
    ),
    _sessions("return closed.replace(tzinfo=UTC) + self.lag", "return closed.replace(tzinfo=UTC)"),
    _sessions("or self.closes[position] <= _utc(now):", ":"),
    _sessions("when.astimezone(UTC).replace(tzinfo=None)", "when.replace(tzinfo=None)"),
    # A gap is what a session expects, is tried with growing pauses, and then left.
    _coverage("return self.next_try_at is not None and", "return self.next_try_at is None or"),
    _coverage(
        "    if calendar is None:\n        return Coverage(None, len(held))",
        "    if calendar is None:\n        return Coverage(0, len(held))",
    ),
    _coverage("held = present[low:high]", "held = present"),
    _coverage("if session in asked or session not in before", "if True"),
    _coverage("if gap.tries and not gap.is_due(now):", "if False:"),
    _coverage(
        "RETRY_PAUSES[gap.tries] if gap.tries < len(RETRY_PAUSES) else None",
        "RETRY_PAUSES[min(gap.tries, 4)]",
    ),
    _coverage("tries=gap.tries + 1,", "tries=1,"),
    _coverage("for session in sorted(lacking)", "for session in sorted({*before, *lacking})"),
    # A quote becomes a bar only where it is the close of the one session that follows.
    _quotes('quote.market_state in ("", "REGULAR"):', "False:"),
    _quotes("if closed != quote.session or", "if"),
    _quotes("or calendar.shifted(last.ts.date(), 1) != quote.session:", ":"),
    _quotes(
        "if quote.currency != currency or quote.previous_close is None:",
        "if quote.previous_close is None:",
    ),
    _quotes("_SAME_BASIS = 0.01", "_SAME_BASIS = 0.6"),
    _quotes("if moves_like_a_split(np.log([bar.close / last.close])).any():", "if False:"),
    _quotes("return None if nonsense(*columns).any() else bar", "return bar"),
    _quotes("or self.low is None or self.volume is None:", "or self.volume is None:"),
    _quotes(
        "self.market_time.astimezone(ZoneInfo(self.timezone)).date()", "self.market_time.date()"
    ),
)
