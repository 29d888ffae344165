"""Labels: times relative to now, durations, percentages, and text that may hold markup."""

from datetime import timedelta

import pytest

from prices.admin.widgets import labels
from tests.support.builders import NOW


@pytest.mark.parametrize(
    ("ahead", "text"),
    [
        (timedelta(seconds=-9), "9 s ago"),
        (timedelta(seconds=30), "in 30 s"),
        (timedelta(hours=-3), "3\xa0hours ago"),
        (timedelta(days=2), "in 2\xa0days"),
    ],
)
def test_describes_a_moment_relative_to_now(ahead: timedelta, text: str) -> None:
    assert f">{text}</time>" in labels.relative_time(NOW + ahead)


def test_describes_a_moment_that_never_came() -> None:
    assert ">earlier<" in labels.relative_time(None, never="earlier")


@pytest.mark.parametrize(
    ("ahead", "text"),
    [
        (timedelta(minutes=5), "in 5\xa0minutes"),
        (timedelta(seconds=-20), "due now"),
        (timedelta(minutes=-5), "due for 5\xa0minutes"),
    ],
)
def test_describes_when_a_job_is_due(ahead: timedelta, text: str) -> None:
    assert f">{text}</time>" in labels.due_time(NOW + ahead)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.84, "0.8 s"), (245, "4 min 5 s"), (7_800, "2 h 10 min")]
)
def test_describes_a_duration(seconds: float, text: str) -> None:
    assert labels.duration_text(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(
    ("percent", "text"), [(100.0, "100"), (99.9999, "99.99"), (87.5, "87.5"), (0.0, "0")]
)
def test_truncates_percentages(percent: float, text: str) -> None:
    assert labels.truncated_percent(percent) == text


def test_cuts_a_long_text_and_escapes_it() -> None:
    text = labels.clipped_text("<b>" + "x" * 100, 10)

    assert ">&lt;b&gt;xxxxxx…<" in text
    assert "<b>" not in text


@pytest.mark.parametrize(("percent", "tone"), [(100.0, "good"), (99.4, "fair"), (94.9, "poor")])
def test_colours_coverage(percent: float, tone: str) -> None:
    assert f'class="pc-{tone}"' in labels.coverage_bar(percent)


def test_describes_the_closes_of_a_curve() -> None:
    assert 'aria-label="3 closes, +10.0 %"' in labels.sparkline([10.0, 12.0, 11.0])
    assert labels.sparkline([10.0]) == labels.NONE
