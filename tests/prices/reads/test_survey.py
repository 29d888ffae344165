"""Survey: columns of all symbols, equal to the rules for one symbol, in two queries."""

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from prices import services
from prices.domain.coverage import Gap
from prices.reads.survey import Survey
from tests.support.builders import NOW, WEEK, published, tracked
from tests.support.counting import counting

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]

GAP = Gap(date(2026, 6, 3), 1, NOW, "the provider has none")


@pytest.fixture
def survey() -> Survey:
    """Complete, with a gap, without history, behind and failing, suspended, without calendar."""
    tracked("FULL", reads=7)
    published("FULL")
    tracked("GAP", market="LSE", reads=9)
    published("GAP", rows=(WEEK[0], *WEEK[2:]), gaps=(GAP,))
    tracked("NEW", last_update=None, added_at=NOW - timedelta(hours=4), name="New to all")
    tracked("OLD", last_update=NOW - timedelta(hours=4), last_error="HTTP 500")
    published("OLD", rows=WEEK[:3])
    tracked("SUSPENDED", active=False, market="")
    published("SUSPENDED")
    tracked("UNKNOWN", mic="", market="")
    published("UNKNOWN")
    return services.overview().survey(now=NOW)


def of(survey: Survey, column: str) -> dict[str, object]:
    return dict(zip(survey.symbol.tolist(), getattr(survey, column).tolist(), strict=True))


@pytest.mark.usefixtures("store")
def test_a_symbol_lags_three_hours_after_it_was_added() -> None:
    tracked("MINUTES", last_update=None, added_at=NOW - timedelta(minutes=3))
    tracked("HOURS", last_update=None, added_at=NOW - timedelta(hours=3, seconds=1))

    survey = services.overview().survey(now=NOW)

    assert of(survey, "lagging") == {"HOURS": True, "MINUTES": False}
    assert survey.totals().lagging == 1


class TestSurvey:
    def test_counts_each_symbol(self, survey: Survey) -> None:
        assert of(survey, "bars") == {
            **{"FULL": 5, "GAP": 4, "NEW": 0, "OLD": 3, "SUSPENDED": 5, "UNKNOWN": 5}
        }
        assert of(survey, "gaps")["GAP"] == 1
        assert of(survey, "expected") == {
            **{"FULL": 5, "GAP": 5, "NEW": -1, "OLD": 5, "SUSPENDED": 5, "UNKNOWN": -1}
        }
        assert of(survey, "present") == {
            **{"FULL": 5, "GAP": 4, "NEW": 0, "OLD": 3, "SUSPENDED": 5, "UNKNOWN": 0}
        }
        assert of(survey, "behind") == {
            **{"FULL": 0, "GAP": 0, "NEW": -1, "OLD": 2, "SUSPENDED": 0, "UNKNOWN": -1}
        }
        assert of(survey, "first")["FULL"] == date(2026, 6, 2)
        assert of(survey, "last")["OLD"] == date(2026, 6, 4)
        assert of(survey, "close")["FULL"] == 12.25

    def test_flags_stale_lagging_and_failing_symbols(self, survey: Survey) -> None:
        assert of(survey, "stale") == {
            **{"FULL": False, "GAP": False, "NEW": True, "OLD": True},
            **{"SUSPENDED": True, "UNKNOWN": False},
        }
        assert [s for s, is_so in of(survey, "lagging").items() if is_so] == ["NEW", "OLD"]
        assert [s for s, is_so in of(survey, "failing").items() if is_so] == ["OLD"]
        assert of(survey, "percent")["OLD"] == pytest.approx(60.0)

    def test_totals_count_active_symbols_only(self, survey: Survey) -> None:
        totals = survey.totals()

        assert (totals.symbols, totals.with_history) == (5, 4)
        assert (totals.lagging, totals.failing, totals.stale, totals.gaps) == (2, 1, 2, 1)
        assert (totals.expected, totals.present, totals.coverage_percent) == (15, 12, 80.0)
        assert (totals.oldest, totals.newest) == (date(2026, 6, 2), date(2026, 6, 8))

    def test_totals_by_market(self, survey: Survey) -> None:
        found = survey.by_market()

        assert {name: (t.symbols, t.coverage_percent) for name, t in found.items()} == {
            "": (1, None),
            "LSE": (1, 80.0),
            "US": (3, 80.0),
        }

    def test_is_empty_without_symbols(self) -> None:
        survey = services.overview().survey(now=NOW)

        assert (len(survey), survey.totals().symbols, survey.by_market()) == (0, 0, {})

    def test_includes_what_was_published_since_the_last_survey(self, survey: Survey) -> None:
        tracked("LATER")
        published("LATER")

        assert of(services.overview().survey(now=NOW), "bars")["LATER"] == 5

    @pytest.mark.usefixtures("survey")
    def test_takes_one_query_to_each_database(self) -> None:
        with CaptureQueriesContext(connection) as sql, counting() as work:
            services.overview().survey(now=NOW).totals()

        assert len(sql) == 1
        assert work.commands == ["find"]
