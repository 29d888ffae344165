"""Each rule exists for one symbol and for columns of all symbols: both give the same."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from prices.domain.coverage import UNKNOWN, Coverage, measure_series_coverage
from prices.domain.freshness import LAGGING_AFTER, SymbolState, staleness
from prices.domain.provider_health import ProviderState
from prices.domain.sessions import sessions_of
from prices.reads.survey import Survey

_START, _SECONDS = datetime(1989, 12, 1, tzinfo=UTC), 37 * 365 * 86_400
MOMENTS = st.integers(0, _SECONDS).map(lambda seconds: _START + timedelta(seconds=seconds))
MICROSECOND = timedelta(microseconds=1)
DAYS = st.dates(date(1989, 12, 1), date(2026, 11, 27))


@st.composite
def states(draw: st.DrawFn, now: datetime) -> SymbolState:
    """Returns any symbol: with history or without, on a known exchange or not."""
    days = sorted(draw(st.tuples(DAYS, DAYS))) if draw(st.booleans()) else [None, None]
    about_to_lag = st.integers(-1, 1).map(lambda us: now - LAGGING_AFTER + us * MICROSECOND)
    recent_days = st.integers(0, 12).map(lambda ago: now.date() - timedelta(days=ago))
    if days[0] is not None and draw(st.booleans()):
        days[1] = max(days[0], draw(recent_days))
    mic = draw(st.sampled_from(["XNYS", "XLON", "XTKS", "XTAE", "24/7", "FUNDS", "XXXX", ""]))
    calendar, most_gaps = sessions_of(mic), 0
    if days[0] is not None and days[1] is not None:
        most_gaps = calendar.count(days[0], days[1] + timedelta(days=1)) if calendar else 30
    return SymbolState(
        symbol="ANY",
        mic=mic,
        active=draw(st.booleans()),
        added_at=draw(st.sampled_from([now, now - timedelta(hours=4)]) | about_to_lag),
        last_update=draw(st.none() | MOMENTS | about_to_lag),
        last_error=draw(st.sampled_from(["", "HTTP 500"])),
        first=days[0],
        last=days[1],
        gaps=draw(st.integers(0, most_gaps)),
    )


def survey_of(found: list[SymbolState], now: datetime) -> Survey:
    def texts(values: list[str]) -> NDArray[np.object_]:
        return np.array(values, object)

    def times(values: list[datetime | None]) -> NDArray[np.datetime64]:
        naive = [value.replace(tzinfo=None) if value else "NaT" for value in values]
        return np.array(naive, "datetime64[us]")

    nothing, zeros = texts([""] * len(found)), np.zeros(len(found), "i8")
    return Survey(
        now=now,
        symbol=texts([state.symbol for state in found]),
        name=nothing,
        market=nothing,
        mic=texts([state.mic for state in found]),
        currency=nothing,
        last_error=texts([state.last_error for state in found]),
        suspended_reason=nothing,
        active=np.array([state.active for state in found], bool),
        reads=zeros,
        last_update=times([state.last_update for state in found]),
        added_at=times([state.added_at for state in found]),
        bars=zeros,
        gaps=np.array([state.gaps for state in found], "i8"),
        first=np.array([state.first or "NaT" for state in found], "datetime64[D]"),
        last=np.array([state.last or "NaT" for state in found], "datetime64[D]"),
        close=zeros.astype(float),
    )


@settings(max_examples=300)
@given(data=st.data(), now=MOMENTS)
def test_columns_equal_the_rules_for_one_symbol(data: st.DataObject, now: datetime) -> None:
    found = data.draw(st.lists(states(now), max_size=8))
    survey = survey_of(found, now)

    for n, state in enumerate(found):
        single = Coverage(None, 0)
        if state.first and state.last:
            single = measure_series_coverage(
                state.first, state.gaps, state.last, state.calendar, now
            )
        behind = state.sessions_behind(now)
        assert survey.behind[n] == (UNKNOWN if behind is None else behind)
        assert survey.expected[n] == (UNKNOWN if single.expected is None else single.expected)
        assert survey.present[n] == single.present
        np.testing.assert_equal(
            survey.percent[n], np.nan if single.percent is None else single.percent
        )
        assert survey.lagging[n] == state.is_lagging(now)
        assert survey.stale[n] == bool(staleness(state, ProviderState(), now))
