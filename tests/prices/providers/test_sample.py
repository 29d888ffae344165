"""The sample: real prices of 2000 to 2013, as traded in the package, split-adjusted here."""

import csv
import gzip
from collections import defaultdict
from datetime import UTC, date, datetime
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from prices.domain.actions import Adjust, Split, adjust_bars
from prices.domain.answers import Fetched
from prices.providers import sample
from prices.providers.base import Unavailable
from tests.prices.domain.builders import closes

pytestmark = pytest.mark.skipif(
    find_spec("bokeh_sampledata") is None, reason="the extra 'sample' is not installed"
)
TICKERS = {"AAPL": "AAPL", "GOOG": "GOOG", "IBM": "IBM", "MSFT": "MSFT", "META": "FB"}


@pytest.fixture(scope="module")
def history() -> dict[str, Fetched]:
    return dict(sample.history())


@pytest.fixture(scope="module")
def package() -> dict[str, dict[str, dict[str, str]]]:
    """The package's own table: ticker → ISO date → row."""
    spec = find_spec("bokeh_sampledata")
    assert spec is not None
    assert spec.origin is not None
    path = Path(spec.origin).parent / "_data" / "stocks.csv.gz"
    table: dict[str, dict[str, dict[str, str]]] = defaultdict(dict)
    with gzip.open(path, "rt", newline="") as file:
        for row in csv.DictReader(file):
            table[row["Ticker"]][row["Date"]] = row
    return table


class TestHistory:
    def test_has_every_row_of_five_companies(self, history: dict[str, Fetched]) -> None:
        assert sorted(history) == ["AAPL", "GOOG", "IBM", "META", "MSFT"]
        assert sum(len(answer.series) for answer in history.values()) == 12_154

    @pytest.mark.parametrize(
        ("symbol", "first"),
        [
            ("AAPL", date(2000, 3, 1)),
            ("MSFT", date(2000, 3, 1)),
            ("IBM", date(2000, 3, 1)),
            ("GOOG", date(2004, 8, 19)),
            ("META", date(2012, 5, 18)),
        ],
    )
    def test_reaches_from_the_first_day_to_2013_03_01(
        self, history: dict[str, Fetched], symbol: str, first: date
    ) -> None:
        sessions = history[symbol].series.sessions

        assert sessions[0].item() == first
        assert sessions[-1].item() == date(2013, 3, 1)

    def test_of_aapl_in_2005(self, history: dict[str, Fetched]) -> None:
        answer = history["AAPL"]
        year = answer.series.between(date(2005, 1, 3), date(2005, 12, 31))
        traded = adjust_bars(answer.series, answer.actions, Adjust.NONE)

        assert len(year) == 252
        assert closes(year)["2005-01-03"] == pytest.approx(31.645, abs=1e-9)
        assert closes(traded)["2005-01-03"] == pytest.approx(63.29, abs=1e-9)
        # after the split both are what was traded
        assert closes(year)["2005-02-28"] == closes(traded)["2005-02-28"] == 44.86
        assert closes(year)["2005-02-25"] == pytest.approx(88.99 / 2)

    def test_names_itself_as_what_it_is(self, history: dict[str, Fetched]) -> None:
        answer = history["META"]

        assert answer.source == "sample"
        assert answer.name == "Meta Platforms, Inc."
        assert (answer.currency, answer.exchange) == ("USD", "NMS")
        assert answer.timezone == "America/New_York"
        assert history["IBM"].exchange == "NYQ"
        # the close of 2013-03-01 in New York
        assert answer.fetched_at.astimezone(UTC) == datetime(2013, 3, 1, 21, 0, tzinfo=UTC)
        assert answer.asked == (date(2012, 5, 18), date(2013, 3, 2))
        assert answer.running is None

    def test_needs_its_package(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sample, "find_spec", lambda name: None)

        with pytest.raises(Unavailable, match=r"pip install 'pricecache\[sample\]'"):
            next(sample.history())


class TestEvents:
    @pytest.mark.parametrize(
        ("symbol", "splits"),
        [
            ("AAPL", (Split(date(2000, 6, 21), 2, 1), Split(date(2005, 2, 28), 2, 1))),
            ("MSFT", (Split(date(2003, 2, 18), 2, 1),)),
            ("GOOG", ()),
            ("IBM", ()),
            ("META", ()),
        ],
    )
    def test_splits(
        self, history: dict[str, Fetched], symbol: str, splits: tuple[Split, ...]
    ) -> None:
        assert history[symbol].actions.splits == splits

    def test_dividends_of_msft(self, history: dict[str, Fetched]) -> None:
        """Paid were 8 cents in 2003, 3.08 in 2004, 23 cents in 2013; the package rounds."""
        paid = {d.session: d.amount for d in history["MSFT"].actions.dividends}

        assert min(paid) == date(2003, 2, 19)
        assert paid[date(2003, 2, 19)] == pytest.approx(0.08, abs=0.002)
        assert paid[date(2013, 2, 19)] == pytest.approx(0.23, abs=0.003)
        # the rows of 2004-11-12 and 15: close 29.97 and 27.39, adjusted 20.1851… and 20.5218…
        step = (20.521860133372 / 27.39) / (20.185104962165 / 29.97)
        assert paid[date(2004, 11, 15)] == pytest.approx(29.97 * (1 - 1 / step))

    def test_dividends_are_on_the_shares_of_the_end(self, history: dict[str, Fetched]) -> None:
        """IBM paid 13 cents in 2000, AAPL 2.65 dollars in 2012."""
        apple, ibm = history["AAPL"].actions.dividends, history["IBM"].actions.dividends

        assert [str(d.session) for d in apple] == ["2012-08-09", "2012-11-07", "2013-02-07"]
        assert apple[0].amount == pytest.approx(2.65, abs=0.02)
        assert len(ibm) == 52
        assert str(ibm[0].session) == "2000-05-08"
        assert ibm[0].amount == pytest.approx(0.13, abs=0.01)

    def test_companies_that_paid_none_have_none(self, history: dict[str, Fetched]) -> None:
        assert history["GOOG"].actions.dividends == ()
        assert history["META"].actions.dividends == ()


class TestAgainstThePackage:
    @pytest.mark.parametrize("symbol", sorted(TICKERS))
    def test_as_traded_prices_come_back(
        self,
        history: dict[str, Fetched],
        package: dict[str, dict[str, dict[str, str]]],
        symbol: str,
    ) -> None:
        answer, table = history[symbol], package[TICKERS[symbol]]

        traded = adjust_bars(answer.series, answer.actions, Adjust.NONE)

        assert traded.sessions.astype(str).tolist() == sorted(table)
        for name in ("open", "high", "low", "close"):
            theirs = [float(table[when][name.title()]) for when in sorted(table)]
            assert np.abs(getattr(traded, name) / theirs - 1).max() < 1e-12
        assert traded.volume.tolist() == [int(table[when]["Volume"]) for when in sorted(table)]

    @pytest.mark.parametrize("symbol", sorted(TICKERS))
    def test_adjusted_closes_agree_up_to_one_factor(
        self,
        history: dict[str, Fetched],
        package: dict[str, dict[str, dict[str, str]]],
        symbol: str,
    ) -> None:
        """The package's carry events after 2013, too."""
        answer, table = history[symbol], package[TICKERS[symbol]]
        theirs = np.array([float(table[when]["Adj Close"]) for when in sorted(table)])

        ours = adjust_bars(answer.series, answer.actions, Adjust.ALL).close

        ratio = ours / theirs
        assert abs(ratio / ratio[-1] - 1).max() < 1e-3
