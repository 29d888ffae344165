"""The cases of ../shared/cases: what Yahoo answered wrongly somewhere, and what is stored of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.core.management import CommandError
from django.test import Client

from prices import services
from prices.domain.actions import Actions, Dividend
from prices.domain.bars import BarSeries
from prices.store.mongo import Db
from tests.support.against_yahoo import Yahoo, running_yahoo
from tests.support.commands import manage

pytestmark = pytest.mark.django_db(transaction=True)

Case = Callable[[str], "Player"]
ROOT = Path(settings.BASE_DIR).parent / "shared" / "cases"


@pytest.fixture(scope="module")
def _yahoo() -> Iterator[Yahoo]:
    with running_yahoo(symbols=1) as running:
        yield running


class Player:
    """Plays the steps of one case: answers, quotes and the clock, then commands."""

    def __init__(self, path: Path, yahoo: Yahoo, monkeypatch: pytest.MonkeyPatch) -> None:
        self.case = json.loads(path.read_text())
        self.output = ""
        self._yahoo = yahoo
        self._steps = iter(self.case["steps"])
        self.now = datetime.now(UTC)
        monkeypatch.setattr("django.utils.timezone.now", lambda: self.now)

    def step(self) -> Player:
        step = next(self._steps)
        self.now = datetime.fromtimestamp(step["at"], UTC)
        self._yahoo.standin.set_clock(self.now)
        for symbol, body in (step.get("answers") or {}).items():
            self._yahoo.standin.serve_history(symbol, body)
        for symbol, row in (step.get("quotes") or {}).items():
            self._yahoo.standin.serve_quote(symbol, row)
        for command in step.get("run") or ():
            self.run(*command)
        return self

    def run(self, *command: str) -> None:
        try:
            self.output += manage(*command)
        except CommandError as error:
            self.output += f"{error}\n"
        # A cluster would queue and do the same work; commands do it here.

    def all(self) -> Player:
        for _ in self.case["steps"]:
            self.step()
        return self

    def rows(self, symbol: str, answer: int = -1) -> dict[date, dict[str, float]]:
        """Returns the provider's rows with a usable close, by session."""
        body = [s["answers"][symbol] for s in self.case["steps"] if symbol in s["answers"]][answer]
        result = body["chart"]["result"][0]
        zone = ZoneInfo(result["meta"]["exchangeTimezoneName"])
        columns, stamps = result["indicators"]["quote"][0], result["timestamp"]
        adjusted = result["indicators"]["adjclose"][0]["adjclose"]
        return {
            datetime.fromtimestamp(stamp, zone).date(): {
                **{name: columns[name][at] for name in columns},
                "adjclose": adjusted[at],
            }
            for at, stamp in enumerate(stamps)
            if columns["close"][at]
        }


@pytest.fixture
def case(
    _yahoo: Yahoo, store: Db, provider_wired: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Case]:
    yield lambda name: Player(ROOT / f"{name}.json", _yahoo, monkeypatch)
    _yahoo.standin.forget_served()


@pytest.fixture
def provider_wired(_yahoo: Yahoo, store: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    if not ROOT.is_dir():
        pytest.skip("the cases are not beside the repository (../shared/cases)")
    _yahoo.wired(monkeypatch)


def answer(symbol: str, **query: Any) -> dict[str, Any]:
    """Returns what the API says of a symbol's whole history."""
    found = Client().get(f"/cache/historical/{quote(symbol)}", {"start": "1900-01-01", **query})
    assert found.status_code == 200, found.content
    body: dict[str, Any] = found.json()
    return body


def closes(symbol: str, **query: Any) -> dict[str, float]:
    bars = answer(symbol, **query)["data"]
    return {bar["date"]: bar["close"] for bar in bars}


def actions(symbol: str) -> dict[str, Any]:
    found: dict[str, Any] = Client().get(f"/cache/actions/{symbol}").json()
    return found


def changes(symbol: str) -> list[tuple[str, str, Any, Any]]:
    found = services.corrections().latest(symbol)[::-1]
    return [(str(c.session), c.field, c.old, c.new) for c in (entry.correction for entry in found)]


def quarantine() -> str:
    return manage("quarantine", "list")


class TestBars:
    def test_of_a_small_cap_are_kept_with_their_close(self, case: Case) -> None:
        player = case("imperfect-bars-ELCO.L").all()

        rows = player.rows("ELCO.L")
        found = answer("ELCO.L")
        assert closes("ELCO.L") == {str(day): row["close"] for day, row in rows.items()}
        for bar in found["data"]:
            assert bar["low"] <= min(bar["open"], bar["close"])
            assert bar["high"] >= max(bar["open"], bar["close"])
        assert found["coverage"]["percent"] == 100.0
        assert found["normalised"]

    def test_without_an_open_have_the_close(self, case: Case) -> None:
        player = case("open-0-^GSPC").all()

        rows = player.rows("^GSPC")
        assert closes("^GSPC") == {str(day): row["close"] for day, row in rows.items()}
        assert all(bar["open"] for bar in answer("^GSPC")["data"])

    def test_that_are_settled_are_not_replaced_by_a_tenth(self, case: Case) -> None:
        player = case("wrong-bar-LA.V").step()
        before = closes("LA.V")

        player.step()

        after = closes("LA.V")
        (changed,) = [
            day
            for day, row in player.rows("LA.V").items()
            if abs(row["close"] / before.get(str(day), row["close"]) - 1) > 0.5
        ]
        assert after == before
        assert f"close of {changed}" in quarantine()

    def test_in_another_unit_are_kept_out(self, case: Case) -> None:
        player = case("unit-step-AET.L").step()
        before = closes("AET.L")

        player.step()

        assert closes("AET.L") == before
        assert "prices are 0.01 times the stored ones" in quarantine()

    def test_of_a_fund_are_kept_on_holidays(self, case: Case) -> None:
        player = case("fund-nav-0P0000XTS7").all()

        rows = player.rows("0P0000XTS7")
        assert closes("0P0000XTS7") == {str(day): row["close"] for day, row in rows.items()}
        assert date(2025, 11, 27) in rows

    def test_of_a_special_session_are_kept(self, case: Case) -> None:
        case("special-session-^BSESN").all()

        assert "2026-02-01" in closes("^BSESN")

    def test_of_a_real_move_are_stored_at_once(self, case: Case) -> None:
        player = case("real-move-NFLX").step()
        for at in range(1, 5):
            player.step()
            last = max(player.rows("NFLX", at))
            assert closes("NFLX")[str(last)] == player.rows("NFLX", at)[last]["close"]
        assert answer("NFLX")["unconfirmed"] == ["2022-04-20"]


class TestDistributions:
    def test_capital_gains_are_kept_beside_dividends(self, case: Case) -> None:
        case("capital-gain-VWILX").all()

        first = next(iter(closes("VWILX", adjust="all").values()))
        assert first == pytest.approx(32.143, rel=1e-4)
        found = actions("VWILX")
        assert [d["amount"] for d in found["dividends"]] == [1.437]
        assert [g["amount"] for g in found["capital_gains"]] == [6.42]

    def test_every_change_of_a_dividend_is_on_record(self, case: Case) -> None:
        player = case("dividend-changes")
        player.step()
        player.step()
        player.step()

        found = [change for change in changes("DIVR") if change[1] == "dividend"]
        assert [(old, new) for _, _, old, new in found] == [(0.5, 0.55), (0.55, None)]

    def test_in_another_currency_are_converted(self, case: Case) -> None:
        case("dividend-currency-KEN.TA").all()

        first = next(iter(closes("KEN.TA", adjust="all").values()))
        assert first == pytest.approx(3024, rel=1e-4)

    def test_in_pounds_on_prices_in_pence_are_converted(self, case: Case) -> None:
        player = case("dividend-unit-ADIG.L").all()

        assert closes("ADIG.L", adjust="all") == pytest.approx(player.case["truth"], rel=0.01)
        assert {d["converted_from"] for d in actions("ADIG.L")["dividends"]} == {"GBP"}

    def test_a_hundred_times_too_large_are_kept_out(self, case: Case) -> None:
        player = case("dividend-x100").step()
        before = closes("VDIV", adjust="all")

        player.step()
        player.run("sync_historical", "--symbols", "VDIV")
        player.run("backfill", "VDIV")

        assert closes("VDIV", adjust="all") == before
        assert "dividend of" in quarantine()
        assert changes("VDIV") == []


class TestWithoutTheRules:
    """What adjust=all was before the rules: each case's right value depends on its rule."""

    @pytest.mark.parametrize(
        ("name", "symbol", "wrong"),
        [
            ("capital-gain-VWILX", "VWILX", 40 - 1.437),
            ("dividend-currency-KEN.TA", "KEN.TA", 3600 - 1.6),
            ("dividend-unit-ADIG.L", "ADIG.L", 86.622063),
        ],
    )
    def test_amounts_are_believed_as_they_are(
        self, case: Case, monkeypatch: pytest.MonkeyPatch, name: str, symbol: str, wrong: float
    ) -> None:
        monkeypatch.setattr("prices.domain.prepared.convert_distributions", amounts_alone)
        case(name).all()

        assert next(iter(closes(symbol, adjust="all").values())) == pytest.approx(wrong, rel=1e-4)

    def test_dividends_a_hundred_times_too_large_are_believed(
        self, case: Case, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("prices.domain.merge.hold_odd_dividends", lambda *args: (args[1], None))
        case("dividend-x100").all()

        assert next(iter(closes("VDIV", adjust="all").values())) == pytest.approx(100 * 0.5 * 0.5)


def amounts_alone(bars: BarSeries, answered: Actions, *_: object, **__: object) -> Actions:
    dividends = (Dividend(one.session, one.amount) for one in answered.dividends)
    return Actions(answered.splits, tuple(dividends))


class TestSplits:
    def test_that_are_impossible_are_skipped_and_named(self, case: Case) -> None:
        player = case("poison-split-1-0").all()

        for symbol in ("ZERO", "FINE"):
            rows = player.rows(symbol)
            assert closes(symbol) == {str(day): row["close"] for day, row in rows.items()}
        assert "a split of 1:0" in quarantine()
        assert "FINE" not in quarantine()

    def test_of_any_ratio_are_exact(self, case: Case) -> None:
        case("reverse-split-1-15000").all()

        assert next(iter(closes("TINY", adjust="none").values())) == pytest.approx(0.0002)
        assert actions("TINY")["splits"][0]["ratio"] == pytest.approx(1 / 15000)

    def test_that_are_small_and_recent_do_not_keep_a_history_out(self, case: Case) -> None:
        player = case("small-split-10234-10000").all()

        rows = player.rows("SPIN")
        assert closes("SPIN") == {str(day): row["close"] for day, row in rows.items()}
        first = min(rows)
        traded = closes("SPIN", adjust="none")[str(first)]
        assert traded == pytest.approx(rows[first]["close"] * 1.0234)

    def test_that_are_never_applied_are_applied_here(self, case: Case) -> None:
        case("unrestated-split-BCAN").all()

        found = closes("BCAN")
        assert max(found) == "2024-07-25"
        assert found["2024-03-21"] == pytest.approx(3.61)
        assert closes("BCAN", adjust="none")["2024-03-21"] == pytest.approx(0.019)


class TestNames:
    def test_of_a_changed_ticker_share_one_history(self, case: Case) -> None:
        player = case("ticker-change-ICICIALPLV.NS").all()
        old = closes("ICICIALPLV.NS")

        player.run("rename", "ICICIALPLV.NS", "ALPL30IETF.NS", "--join")
        player.run("sync_historical", "--symbols", "ALPL30IETF.NS")

        rows = player.rows("ALPL30IETF.NS")
        assert closes("ALPL30IETF.NS") == {
            **old,
            **{str(day): row["close"] for day, row in rows.items()},
        }

    def test_with_a_dash_are_no_crypto_pairs(self, case: Case) -> None:
        player = case("name-BAJAJ-AUTO").all()

        assert len(closes("BAJAJ-AUTO.NS")) == len(player.rows("BAJAJ-AUTO.NS"))

    def test_in_us_cents_have_dollars_as_major_currency(self, case: Case) -> None:
        case("minor-unit-USX").all()

        found = answer("ZC=F")
        assert (found["major_currency"], found["units_per_major"]) == ("USD", 100)


class TestCalendarsEnd:
    def test_bars_of_the_new_year_are_stored(self, case: Case) -> None:
        player = case("year-end-RELIANCE.NS").step()
        player.step()

        found = answer("RELIANCE.NS")
        assert max(closes("RELIANCE.NS")) == str(max(player.rows("RELIANCE.NS")))
        assert not found["stale"]
