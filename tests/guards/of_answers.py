"""Guards between an answer and the stored series: the merge, and what it refuses."""

from __future__ import annotations

from tests.guards.mutation import Mutation

_DOMAIN = "tests/prices/domain/"
_TESTS = tuple(
    f"{_DOMAIN}test_{name}.py" for name in ("merge", "merge_refusals", "refusals", "edges")
)


def _merge(text: str, broken: str) -> Mutation:
    return Mutation("prices/domain/merge.py", text, broken, _TESTS)


def _refusals(text: str, broken: str) -> Mutation:
    return Mutation("prices/domain/guards.py", text, broken, _TESTS)


def _overlap(text: str, broken: str) -> Mutation:
    return Mutation("prices/domain/sessions.py", text, broken, _TESTS)


def _by_hand(text: str, broken: str) -> Mutation:
    tests = (f"{_DOMAIN}test_by_hand.py", "tests/prices/sync/test_repair.py")
    return Mutation("prices/domain/merge.py", text, broken, tests)


ANSWERS = (
    # An answer fetched earlier never overrides one fetched later.
    _merge("fetched.fetched_at < stored.fetched_at:", "False:"),
    # The sample gives way to any real answer, and only then.
    _merge(" or stored.source == SAMPLE:", ":"),
    # Only closed sessions: by the calendar, by the local day, by the provider's own word.
    _merge('np.datetime64(closed or date.min, "D")', 'np.datetime64(now.date(), "D")'),
    _merge('dates < np.datetime64(local_today, "D")', 'dates <= np.datetime64(local_today, "D")'),
    _merge("if fetched.running is not None:", "if False:"),
    # Fillers on holidays are left out; what trades on them, or never has volume, is not.
    _merge("keep &= ~(known & (series.volume == 0) & ~", "keep &= ~(known & ~"),
    _merge("(series.volume == 0) & ~np.isin(dates, calendar.dates))", "False)"),
    _merge("known = dates >= calendar.dates[0]", "known = dates >= dates.min()"),
    # An answer for a part of the history that cannot be judged alone.
    _merge("if len(expected) >= _OVERLAP and not np.isin", "if False and not np.isin"),
    _merge('return "the splits changed"', 'return ""'),
    _merge('return "a dividend is told no more"', 'return ""'),
    _merge('return "a dividend was moved"', 'return ""'),
    # What is refused.
    _merge(
        "    if isinstance(answer, Refusal):\n        return _refused(stored, answer)",
        "    if isinstance(answer, Refusal):\n        answer = fetched",
    ),
    _merge(
        "_basis_refusal(stored, bars, actions, step, restated=restated)\n        or",
        "None or",
    ),
    _merge("or (short if replaces else None)", "or None"),
    _merge(
        "replace(_decide(stored, bars, actions), refusal=short)", "_decide(stored, bars, actions)"
    ),
    _merge(
        "or (refusals.dividends_complete(stored, answer.actions) if whole else None)", "or None"
    ),
    _merge("or refusals.unit_jump(stored, after, actions)", "or None"),
    _merge("if session is None or", "if True or"),
    _merge("kept = decision.bars.between(None, session)", "kept = decision.bars"),
    # A split counts once its day is there, or the prices are restated for it.
    _merge(
        "effective = Actions(tuple(s for s in actions.splits if s.session <= today)",
        "effective = Actions(tuple(actions.splits)",
    ),
    _merge("if early is None:", "if False:"),
    _merge("for s in told.splits if s.session <= today)", "for s in told.splits)"),
    _merge("if split := refusals.unrestated(bars, actions, today):", "if split := None:"),
    # A restated series loses no bar, and what the answer lacks is put on its basis.
    _merge(
        "return Decision(Change.REPLACE, old.merged(bars), actions, corrections)",
        "return Decision(Change.REPLACE, bars, actions, corrections)",
    ),
    _merge("np.rint(stored.series.volume / factor)", "np.rint(stored.series.volume)"),
    # Only what follows the last bar is appended, and only what really changed is touched.
    _merge("(len(new) and new.ts[0] < old.ts[-1])", "False"),
    _merge("NOISE = 1e-7", "NOISE = 0.0"),
    _merge(
        "Decision(Change.REPLACE, old.merged(changed), actions, corrections)",
        "Decision(Change.REPLACE, old.merged(bars), actions, corrections)",
    ),
    # Every change is on record, with its reason.
    _merge("for at in np.flatnonzero(np.abs(after - before) > tolerance):", "for at in ():"),
    _merge("for at in np.flatnonzero(inside):", "for at in ():"),
    _merge("session > settled", "session <= settled"),
    _merge("*_split_corrections(stored.actions, actions),", ""),
    # What is not final is read again.
    _overlap("return min(back, final_through) if final_through else back", "return back"),
    _overlap("calendar.shifted(last, -7)", "calendar.shifted(last, -1)"),
    # What a person gave stays, is judged by nobody, and what the provider says of it is noted.
    _by_hand(
        "bars, offered = parted(bars, stored.by_hand)",
        "offered = parted(bars, stored.by_hand)[1]",
    ),
    _by_hand(
        "told = noted(stored.by_hand, kept, offered, answer.asked, answer.fetched_at)",
        "told = stored.by_hand",
    ),
    _by_hand("(count, *given_up)", "(count,)"),
    _by_hand("note=note, by_hand=stored.by_hand)", "note=note)"),
    _by_hand("expected = stored.provided.between", "expected = stored.series.between"),
    Mutation(
        *("prices/domain/guards.py", "np.isin(stored.provided.ts,", "np.isin(stored.series.ts,"),
        (f"{_DOMAIN}test_by_hand.py",),
    ),
    # By hand: but an empty answer destroys nothing even then.
    _merge("if trusted:", "if False:"),
    _merge(
        "def _released(stored: Stored, bars: BarSeries, actions: Actions) -> Decision:\n    if not len(bars):",
        "def _released(stored: Stored, bars: BarSeries, actions: Actions) -> Decision:\n    if False:",
    ),
    # The same prices: how near they must be, and what moves them as no revision does.
    _refusals("SAME_PRICE = 1e-4", "SAME_PRICE = 1e-1"),
    _refusals("COMPLETE = 0.9", "COMPLETE = 0.0"),
    _refusals("np.log([1.04, 80])", "np.log([1.5, 80])"),
    _refusals("np.log([1.04, 80])", "np.log([1.04, 8000])"),
    _refusals(
        "if mine == theirs and len(old) and step_between", "if mine == theirs or step_between"
    ),
    _refusals("new * factor) is None:", "new) is None:"),
    _refusals("(replace(d, amount=d.amount * factor) for d", "(replace(d, amount=d.amount) for d"),
    _refusals("> SAME_PRICE).mean() > 0.5:", "> SAME_PRICE).mean() > 2:"),
    _refusals("if len(moved) and len(ratios) == 1:", "if False:"),
    _refusals("and _roughness(new) > _roughness(old) else None", "else None"),
    _refusals("float(np.median(moved)) if alike and", "float(np.median(moved)) if False and"),
    _refusals(
        "before = old.close * split_factors(old.sessions, stored.actions.splits)",
        "before = old.close",
    ),
    _refusals(
        "after = bars.close * split_factors(bars.sessions, actions.splits)", "after = bars.close"
    ),
    _refusals(
        "behind = next((split for split in new if not _goes_on(bars, split)), None)",
        "behind = None",
    ),
    _refusals("is_near(split.session, other.session) for other", "True for other"),
    _refusals(
        "judged = ~(unchanged[1:] & unchanged[:-1])", "judged = np.ones(len(after) - 1, bool)"
    ),
    _refusals("_SESSIONS_TO_CONFIRM = 5", "_SESSIONS_TO_CONFIRM = 1"),
    _refusals("_SESSIONS_TO_CONFIRM = 5", "_SESSIONS_TO_CONFIRM = 50"),
    _refusals(" & (np.abs(moves) > 1.2 * usual)", ""),
    _refusals("fresh & moves_like_a_split(moves) &", "fresh &"),
    _refusals("_RECENT = timedelta(days=30)", "_RECENT = timedelta(days=30_000)"),
    _refusals("len(lost) <= max(1, (1 - COMPLETE) * count)", "len(lost) <= 0"),
    _refusals("len(lost) <= max(1, (1 - COMPLETE) * count)", "True"),
    _refusals(
        "early = [d for d in stored.actions.dividends if d.session < since]",
        "early = stored.actions.dividends",
    ),
)
