"""Guards of what a provider may be asked, and of what its answers may do to symbols."""

from __future__ import annotations

from tests.guards.mutation import Mutation


def _freshness(text: str, broken: str) -> Mutation:
    tests = ("tests/prices/domain/test_freshness.py",)
    return Mutation("prices/domain/freshness.py", text, broken, tests)


def _log(text: str, broken: str) -> Mutation:
    tests = ("tests/prices/store/test_provider_state.py",)
    return Mutation("prices/store/provider_state.py", text, broken, tests)


def _health(text: str, broken: str) -> Mutation:
    tests = ("tests/prices/domain/test_provider_health.py",)
    return Mutation("prices/domain/provider_health.py", text, broken, tests)


def _limiter(text: str, broken: str) -> Mutation:
    return Mutation(
        "prices/providers/limiter.py", text, broken, ("tests/prices/providers/test_limiter.py",)
    )


def _standing(text: str, broken: str) -> Mutation:
    return Mutation(
        "prices/symbols/health.py", text, broken, ("tests/prices/symbols/test_health.py",)
    )


LIMITS: tuple[Mutation, ...] = (
    # What is likely to be vain gets a share, unless the provider lost very many at once.
    _freshness("needed * SPARE_SHARE", "needed * 1.0"),
    _freshness("if len(silent) <= len(active) * _LARGE_PART:", "if True:"),
    _freshness("int(needed >= known * _LARGE_PART)", "0"),
    _freshness("key=lambda need: need.since)", "key=lambda need: need.state.symbol)"),
    _freshness("(is_silent and not _quoted(state, now))", "is_silent"),
    # A tail is read when it can have changed.
    _freshness("state.last_update < closed_at + after <= now", "closed_at + after <= now"),
    _freshness("timedelta(0), timedelta(hours=4))", "timedelta(0),)"),
    _freshness("age >= _REST or state.last_update < closed_at", "True"),
    _freshness("Priority.SILENT if state.last_update < closed_at else None", "Priority.SILENT"),
    # The bucket.
    _log('{"$max": ["$tokens_at", "$$NOW"]}', '"$$NOW"'),
    _log('{"$min": [self._burst, filled]}', "filled"),
    _log('granted = {"$gte": [left, min_tokens]}', 'granted = {"$gte": [left, -1e9]}'),
    # The provider's state is changed by compare-and-swap.
    _log('{"_id": self._name, "version": version}', '{"_id": self._name}'),
    _log("if not (found.matched_count or found.upserted_id):", "if False:"),
    # The circuit breaker.
    _health("FAILURES_TO_OPEN = 5", "FAILURES_TO_OPEN = 6"),
    _health("SYMBOLS_TO_OPEN = 2", "SYMBOLS_TO_OPEN = 1"),
    _health("if not (probing if is_open else too_many):", "if not (is_open or too_many):"),
    _health("next_try_at=now + MAX_PROBE_TIME", "next_try_at=now"),
    _health("_closed(state), rate_limited_until", "state, rate_limited_until"),
    _health("max(until, state.rate_limited_until or until)", "until"),
    # The outage detection.
    _health("MIN_SYMBOLS_FOR_OUTAGE = 200", "MIN_SYMBOLS_FOR_OUTAGE = 100"),
    _health("OUTAGE_PERCENT = 90", "OUTAGE_PERCENT = 80"),
    _health("AnswerWindow(() if ends else answers,", "AnswerWindow(answers,"),
    _health("RECOVERY_PERCENT = 75", "RECOVERY_PERCENT = 95"),
    _health("begins = since is None and", "begins ="),
    # The limiter.
    _limiter("self._check(self._log.state())  # the state may have changed", "pass"),
    _limiter("raise  # no request was sent, so there is nothing to record", "pass"),
    _limiter("self._call.waited = _MAX_WAIT - left + ticket.wait", "pass"),
    _limiter("timedelta(seconds=time.monotonic() - began)", "timedelta(0)"),
    _limiter("check_allowed(state, now, probing=True)", "pass"),
    _limiter("if not self._log.take_probe(now):", "if False:"),
    # What outcomes leave on symbols.
    _standing("if during_outage and outcome.answered_empty:", "if False:"),
    _standing("row.missing_reason != reason:", "False:"),
    _standing("first >= today or not row.active:", "not row.active:"),
    _standing("first >= today or not row.active:", "first >= today:"),
    _standing("and outcome.answered_empty is False:", "and outcome.answered_empty is not True:"),
    _standing("if row.suspended_reason and", "if not row.active and"),
    _standing("max(pause, row.next_attempt_at or pause)", "pause"),
    _standing("if outcome.has_no_history:", "if False:"),
    _standing('active=False).exclude(suspended_reason="")', "active=False)"),
)
