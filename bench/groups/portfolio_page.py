"""The portfolio's page in a real browser: 50 holdings of a year, until the load event."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from bench.contenders import OURS
from bench.groups.portfolio import CASES, OWNER, SCALE, portfolio_of
from bench.measure import say, timing
from bench.results import Record, single
from bench.system import WEB_PORT, Bench, track
from bench.web import serving
from bench.workers import WorkerError

LOADS = 20
_URL = f"http://127.0.0.1:{WEB_PORT}"
_FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
_LOADED = "performance.getEntriesByType('navigation')[0].loadEventEnd"
_ANSWERED = "performance.getEntriesByType('navigation')[0].responseEnd"


def run(bench: Bench) -> Iterator[Record]:
    chromium = shutil.which("chromium")
    if chromium is None:
        say("Chromium is not installed; the page is left out. On Debian: apt-get install chromium.")
        return
    case = CASES[0]
    track(case.holdings)
    bench.load([bench.worker(OURS, SCALE)], case.holdings, scale=SCALE)
    path, _ = portfolio_of(bench, case)
    number = path.split("/")[2]
    before = os.environ["MONGODB_DATABASE"]
    os.environ["MONGODB_DATABASE"] = f"{OURS.key}_{SCALE}"
    try:
        with serving(), sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=_FLAGS)
            yield from _records(browser, f"{_URL}/portfolios/{number}/", case.holdings)
            browser.close()
    finally:
        os.environ["MONGODB_DATABASE"] = before


def _records(browser: Browser, url: str, holdings: int) -> Iterator[Record]:
    title = "Portfolio page of 50 holdings x 1 year in Chromium"
    session = _session()
    found = [_visit(browser, url, session, holdings) for _ in range(LOADS + 1)][1:]
    first, again, answered = (timing([one[at] for one in found]) for at in range(3))
    yield single("portfolio_page_first", f"{title}: load event, first visit", "ms", first.p50)
    yield single("portfolio_page_again", f"{title}: load event, visited before", "ms", again.p50)
    yield single("portfolio_page_html", f"{title}: HTML, first visit", "ms", answered.p50)


def _session() -> str:
    """The session of the owner, as logging in would give it."""
    # Before playwright's loop forbids Django's database in this thread.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    from django.conf import settings
    from django.contrib.auth.models import User
    from django.test import Client

    client = Client()
    client.force_login(User.objects.get(username=OWNER))
    return str(client.cookies[settings.SESSION_COOKIE_NAME].value)


def _visit(browser: Browser, url: str, session: str, holdings: int) -> tuple[float, float, float]:
    """Milliseconds of a first and a second visit, and until the HTML of the first."""
    context: BrowserContext = browser.new_context()
    try:
        context.add_cookies([{"name": "sessionid", "value": session, "url": _URL}])
        page = context.new_page()
        first = _loaded(page, url, holdings)
        answered = float(page.evaluate(_ANSWERED))
        return first, _loaded(page, url, holdings), answered
    finally:
        context.close()


def _loaded(page: Page, url: str, holdings: int) -> float:
    """:raises WorkerError: it is not the page, or something on it does not work."""
    page.goto(url, wait_until="load")
    taken = float(page.evaluate(_LOADED))
    rows = page.locator("table.holdings tbody tr").count()
    if rows != holdings or not page.locator("[data-chart] canvas").count():
        raise WorkerError(f"{url} shows {rows} holdings of {holdings}, or no chart")
    return taken
