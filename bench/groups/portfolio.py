"""The portfolio's report in one request, and the portfolio's page in Chromium."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from decimal import Decimal

from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Browser, Page, sync_playwright

from bench.contenders import OURS
from bench.data import TEN_YEARS, YEAR, Book, symbol
from bench.measure import repeated, say, timed, timing
from bench.results import Result, result
from bench.system import URL, Bench, BenchError, serving
from bench.tracked import track, using_database
from portfolio.models import Portfolio, Transaction
from prices import services
from prices.store.mongo import ping

# Name of the results, holdings, bars of each, range of the report, title.
CASES = (
    ("50_1y", 50, YEAR, "1y", "50 holdings x 1 year"),
    ("500_10y", 500, TEN_YEARS, "max", "500 holdings x 10 years"),
)
# Purchases of each holding, spread over its bars.
PURCHASES = 6
ROUNDS, VISITS = 10, 20
_FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
_LOADED = "performance.getEntriesByType('navigation')[0].loadEventEnd"


def run(bench: Bench) -> Iterator[Result]:
    most = max(holdings for _, holdings, *_ in CASES)
    track(most)
    bench.load([bench.worker(OURS, "portfolio")], most, "portfolio")
    owner = User.objects.create_user("portfolio-bench")
    client = Client(SERVER_NAME="localhost")
    client.force_login(owner)
    with using_database(f"{OURS.key}_portfolio"):
        for name, holdings, bars, range_, title in CASES:
            portfolio = Portfolio.objects.create(owner=owner, name=title, base_currency="USD")
            value = _buy(portfolio, bench.book, holdings, bars)
            path = f"/portfolio/{portfolio.pk}/complete?range={range_}"
            title = f"Portfolio report of {title}"
            times = [_first_read(client, path, value) for _ in range(ROUNDS)]
            first = f"{title}, first read in a process"
            yield result(f"portfolio_{name}_cold", first, "ms", timing(times))
            again = repeated(client.get, ROUNDS, path)
            yield result(f"portfolio_{name}_warm", f"{title}, again", "ms", again)
        if chromium := shutil.which("chromium"):
            yield from _page(chromium, client.cookies[settings.SESSION_COOKIE_NAME].value)
        else:
            say(
                "Chromium is not installed; the page is left out. Debian: apt-get install chromium."
            )


def _buy(portfolio: Portfolio, book: Book, holdings: int, bars: int) -> Decimal:
    """Returns the value that the portfolio must have."""
    rows, value = [], Decimal(0)
    for number in range(holdings):
        columns = book.columns(number, bars)
        bought = range(0, bars, bars // PURCHASES)
        for at in bought:
            what = {"kind": "buy", "symbol": symbol(number), "quantity": 10, "currency": "USD"}
            day, price = columns.ts[at].item().date(), Decimal(str(columns.close[at]))
            rows.append(Transaction(portfolio=portfolio, date=day, price=price, fees=1, **what))
        value += 10 * len(bought) * Decimal(str(columns.close[-1]))
    Transaction.objects.bulk_create(rows)
    return value


def _first_read(client: Client, path: str, value: Decimal) -> float:
    """The milliseconds of a request for which no bars are in memory."""
    services.forget()
    ping(services.database())
    milliseconds, answer = timed(client.get, path)
    found = Decimal(str(answer.json()["summary"]["value"]))
    if abs(found - value) > Decimal("0.01"):
        raise BenchError(f"{path} says {found}, but the portfolio is worth {value}.")
    return milliseconds


def _page(chromium: str, session: str) -> Iterator[Result]:
    _, holdings, *_, title = CASES[0]
    url = f"{URL}/portfolios/{Portfolio.objects.get(name=title).pk}/"
    with serving(), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=_FLAGS)
        visits = [_visit_twice(browser, url, session, holdings) for _ in range(VISITS + 1)][1:]
        browser.close()
    title = f"Portfolio page of {title} in Chromium, load event"
    first, again = (timing(times) for times in zip(*visits, strict=True))
    yield result("portfolio_page_first", f"{title}, first visit", "ms", first)
    yield result("portfolio_page_again", f"{title}, visited before", "ms", again)


def _visit_twice(browser: Browser, url: str, session: str, holdings: int) -> tuple[float, float]:
    """The milliseconds until the load event, with an empty and with a filled browser cache."""
    with browser.new_context() as context:
        context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": URL}])
        page = context.new_page()
        return _load(page, url, holdings), _load(page, url, holdings)


def _load(page: Page, url: str, holdings: int) -> float:
    """:raises BenchError: the page does not show what it must show."""
    page.goto(url, wait_until="load")
    rows = page.locator("table.holdings tbody tr").count()
    if rows != holdings or not page.locator("[data-chart] canvas").count():
        raise BenchError(f"{url} shows {rows} of {holdings} holdings, or no chart.")
    return float(page.evaluate(_LOADED))
