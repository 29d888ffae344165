"""Days that a person declares, from the gap to the complete series, and prices of New Year 2027."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from prices import services
from prices.domain.bars import SeriesKey
from prices.jobs import requests
from prices.jobs.execution import work_on
from prices.models import CalendarOverride, TrackedSymbol
from prices.monitoring.status import status
from tests.prices.domain.builders import at, sessions
from tests.support.builders import NOW, WEEK, tracked
from tests.support.fakes import FakeProvider

pytestmark = pytest.mark.django_db

HOLIDAY = date(2026, 6, 3)


@pytest.fixture
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOW)


def sync(*symbols: str) -> None:
    work_on(requests.sync(symbols, trigger="test").begin(now=timezone.now()))


def declare(kind: str, day: date) -> None:
    """As another process does it: this one is not signalled."""
    row = CalendarOverride(mic="XNYS", date=day, kind=kind, note="Storm", declared_by="ada")
    CalendarOverride.objects.bulk_create([row])


def gaps(symbol: str) -> list[date]:
    manifest = services.bars().manifest(SeriesKey(symbol))
    assert manifest is not None
    return [gap.session for gap in manifest.facts.gaps]


@pytest.mark.usefixtures("_now")
class TestDeclaredDays:
    def test_a_gap_on_a_declared_holiday_vanishes_with_the_next_sync(
        self, provider: FakeProvider, client: Client
    ) -> None:
        tracked("ACME", last_update=None)
        provider.histories["ACME"] = (WEEK[0], *WEEK[2:])
        sync("ACME")
        assert gaps("ACME") == [HOLIDAY]

        declare("holiday", HOLIDAY)
        sync("ACME")

        assert gaps("ACME") == []
        coverage = client.get("/cache/historical/ACME").json()["coverage"]
        assert coverage == {"percent": 100.0, "expected": 4, "present": 4, "missing": []}
        (report,) = services.reader().reports(["ACME"], now=NOW)
        assert (report.coverage.expected, report.coverage.present) == (4, 4)

    def test_a_declared_session_is_expected_and_its_bar_stored_without_volume_too(
        self, provider: FakeProvider
    ) -> None:
        """2026-06-06 is a Saturday: a bar of it without volume is not stored unless declared."""
        saturday = (date(2026, 6, 6), 12.5, 12.75, 12.25, 12.5, 0)
        tracked("ACME", last_update=None)
        provider.histories["ACME"] = (*WEEK[:4], saturday, WEEK[4])
        sync("ACME")
        stored = services.bars().read(SeriesKey("ACME"))
        assert stored is not None
        assert len(stored.bars) == 5

        declare("session", saturday[0])
        sync("ACME")

        stored = services.bars().read(SeriesKey("ACME"))
        assert stored is not None
        assert stored.bars.sessions.tolist()[4] == saturday[0]
        assert gaps("ACME") == []

    def test_a_declared_session_without_a_bar_is_a_gap(self, provider: FakeProvider) -> None:
        tracked("ACME", last_update=None)
        provider.histories["ACME"] = WEEK
        declare("session", date(2026, 6, 6))

        sync("ACME")

        assert gaps("ACME") == [date(2026, 6, 6)]

    def test_an_answer_kept_in_memory_follows_a_declaration(
        self, provider: FakeProvider, client: Client
    ) -> None:
        tracked("ACME", last_update=None)
        provider.histories["ACME"] = (WEEK[0], *WEEK[2:])
        sync("ACME")
        url = "/cache/historical/ACME"
        before = client.get(url)

        declare("holiday", HOLIDAY)
        work_on(requests.refresh(["ACME"], trigger="test").begin(now=NOW))  # it looks
        after = client.get(url, headers={"if-none-match": before["ETag"]})

        assert before.json()["coverage"]["missing"] == ["2026-06-03"]
        assert after.status_code == 200
        assert after.json()["coverage"]["missing"] == []


# Closes of six symbols' years: 28 to 31 December 2026 and the first weekdays of January.
DECEMBER = ("2026-12-28", "2026-12-29", "2026-12-30", "2026-12-31")
JANUARY = tuple(
    (date(2027, 1, 1) + timedelta(days=n)).isoformat()
    for n in range(29)
    if (date(2027, 1, 1) + timedelta(days=n)).weekday() < 5
)
ASIA = {
    "RELIANCE.NS": ("XBOM", "NSI", "INR", "Asia/Kolkata"),
    "600519.SS": ("XSHG", "SHH", "CNY", "Asia/Shanghai"),
    "D05.SI": ("XSES", "SES", "SGD", "Asia/Singapore"),
}


def rows(days: tuple[str, ...]) -> list[tuple[Any, ...]]:
    return [(date.fromisoformat(day), 10.0, 11.0, 9.0, 10.5, 1_000) for day in days]


class AsianProvider(FakeProvider):
    """Names the exchange of each symbol."""

    def history(self, symbol: str, start: date | None, *, now: datetime, timezone: str = "") -> Any:
        from dataclasses import replace

        answer = super().history(symbol, start, now=now, timezone=timezone)
        if symbol not in ASIA:
            return answer
        _, exchange, currency, zone = ASIA[symbol]
        return replace(answer, exchange=exchange, currency=currency, timezone=zone)


class TestNewYear:
    """The library knows these exchanges to 2026-12-31."""

    @pytest.fixture
    def provider(self, store: object, monkeypatch: pytest.MonkeyPatch) -> FakeProvider:
        fake = AsianProvider()
        monkeypatch.setattr(services, "build_provider", lambda: fake)
        services.forget()
        return fake

    @pytest.fixture(autouse=True)
    def _the_calendars_still_end(self) -> None:
        for mic, *_ in ASIA.values():
            if sessions(mic).known_until != date(2026, 12, 31):
                pytest.skip(f"the library knows the next year of {mic}: move these tests a year on")

    def clock(self, monkeypatch: pytest.MonkeyPatch, text: str) -> datetime:
        monkeypatch.setattr(timezone, "now", lambda: at(text))
        return at(text)

    def test_bars_of_january_are_stored_and_fresh(
        self, provider: FakeProvider, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.clock(monkeypatch, "2026-12-31 22:00")
        for symbol, (mic, *_) in ASIA.items():
            tracked(symbol, mic=mic, last_update=None, currency="")
            provider.histories[symbol] = rows(DECEMBER)
        sync(*ASIA)
        self.clock(monkeypatch, "2027-01-29 22:00")
        for symbol in ASIA:
            provider.histories[symbol] = rows(DECEMBER + JANUARY)
        sync(*ASIA)

        for symbol in ASIA:
            body = client.get(f"/cache/historical/{symbol}").json()
            assert [bar["date"] for bar in body["data"]] == [*DECEMBER, *JANUARY]
            assert len(JANUARY) == 21
            assert (body["stale"], body["stale_reason"]) == (False, None)
            assert body["coverage"]["missing"] == []

    def test_a_silent_provider_makes_them_stale_after_three_weekdays(
        self, provider: FakeProvider, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """2027-01-01 is a Friday: the third weekday is Tuesday the 5th."""
        self.clock(monkeypatch, "2026-12-31 22:00")
        for symbol, (mic, *_) in ASIA.items():
            tracked(symbol, mic=mic, last_update=None, currency="")
            provider.histories[symbol] = rows(DECEMBER)
        sync(*ASIA)

        for text, stale in (("2027-01-04 22:00", False), ("2027-01-05 22:00", True)):
            self.clock(monkeypatch, text)
            sync(*ASIA)
            for symbol, (mic, *_) in ASIA.items():
                body = client.get(f"/cache/historical/{symbol}").json()
                reason = (
                    f"no bar for 3 weekdays after the calendar of {mic} ends (2026-12-31), "
                    "last bar 2026-12-31"
                )
                assert (body["stale"], body["stale_reason"]) == (stale, reason if stale else None)
                assert body["coverage"]["missing"] == []

    def test_new_york_is_untouched(
        self, provider: FakeProvider, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """2027-01-01 is New Year; the 29th is the last of 19 sessions of January."""
        self.clock(monkeypatch, "2027-01-29 22:00")
        tracked("AAPL", last_update=None)
        closed = ("2027-01-01", "2027-01-18")
        provider.histories["AAPL"] = rows(DECEMBER + tuple(d for d in JANUARY if d not in closed))
        sync("AAPL")

        body = client.get("/cache/historical/AAPL").json()

        assert body["coverage"] == {"percent": 100.0, "expected": 23, "present": 23, "missing": []}
        assert body["stale"] is False
        assert not any("calendar" in reason for reason in status(now=timezone.now()).reasons)

    @pytest.mark.usefixtures("store")
    def test_status_and_dashboard_warn_since_november(
        self, admin_client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for symbol, (mic, *_) in ASIA.items():
            tracked(symbol, mic=mic)
        TrackedSymbol.objects.update(added_at=at("2026-06-01"))

        for text, count in (("2026-10-31 12:00", 0), ("2026-11-02 12:00", 3)):
            now = self.clock(monkeypatch, text)
            warnings = [r for r in status(now=now).reasons if "The calendar of" in r]
            assert len(warnings) == count
            page = admin_client.get("/admin/").content.decode()
            assert page.count("The calendar of") == count
            assert ("The calendar of XSES ends on 2026-12-31." in page) == bool(count)
