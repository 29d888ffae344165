"""Fixtures of the page tests: a browser, a logged-in user, and stored prices."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Browser, Page, ViewportSize
from pytest_django.live_server_helper import LiveServer

from prices import services
from prices.domain.actions import Actions, Dividend, Split
from prices.domain.quotes import Quote
from prices.domain.sessions import sessions_of
from tests.support.builders import published, tracked

# Number of stored sessions. The closes are 100.0, 100.1, …, 130.0.
SESSIONS = 301

# Keeps the chart that the page creates, and the texts that are drawn on it.
_CHART_SCRIPT = """
    let library;
    Object.defineProperty(window, "LightweightCharts", {
        get: () => library,
        set(original) {
            const createChart = (...given) => (window.drawn = original.createChart(...given));
            library = { ...original, createChart };
        },
    });
    window.texts = [];
    const { fillText } = CanvasRenderingContext2D.prototype;
    CanvasRenderingContext2D.prototype.fillText = function (text, ...at) {
        window.texts.push(text);
        return fillText.call(this, text, ...at);
    };
"""
# Draws the chart again, after every change of its size is done.
_REDRAW_SCRIPT = """async () => {
    const frames = async (count) => {
        while (count--) await new Promise(requestAnimationFrame);
    };
    await frames(10);
    window.texts.length = 0;
    document.dispatchEvent(new Event("themechange"));
    await frames(10);
    return [window.drawn.timeScale().getVisibleRange(), window.texts];
}"""


def record_chart(page: Page) -> None:
    """Lets `chart_state` see the chart of each page that is opened from now on."""
    page.add_init_script(_CHART_SCRIPT)


def chart_state(page: Page) -> tuple[dict[str, str], list[str]]:
    """Returns the dates that the chart shows, as `from` and `to`, and the texts on it."""
    visible, texts = page.evaluate(_REDRAW_SCRIPT)
    return visible, texts


@pytest.fixture
def anna(db: None) -> User:
    return User.objects.create_user("anna", password="correct horse")  # noqa: S106


@dataclass
class Visitor:
    """A browser at the site; `complaints` collects the errors that pages log."""

    browser: Browser
    root: str
    complaints: list[str]

    @contextmanager
    def page(
        self, user: User | None = None, *, width: int = 1440, scheme: str = "light"
    ) -> Iterator[Page]:
        size = ViewportSize(width=width, height=900)
        # Without animations there is nothing to wait for.
        with self.browser.new_context(
            viewport=size,
            color_scheme="dark" if scheme == "dark" else "light",
            reduced_motion="reduce",
            base_url=self.root,
        ) as context:
            if user is not None:
                client = Client()
                client.force_login(user)
                session = client.cookies[settings.SESSION_COOKIE_NAME].value
                context.add_cookies(
                    [{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": self.root}]
                )
            page = context.new_page()
            page.on("console", self._collect_error)
            page.on("pageerror", lambda error: self.complaints.append(str(error)))
            yield page

    def _collect_error(self, message: object) -> None:
        if getattr(message, "type", "") == "error":
            self.complaints.append(getattr(message, "text", ""))


@pytest.fixture
def visitor(browser: Browser, live_server: LiveServer) -> Iterator[Visitor]:
    """Fails the test if a page logs an error."""
    visitor = Visitor(browser, live_server.url, [])
    yield visitor
    assert visitor.complaints == []


@pytest.fixture
def page(visitor: Visitor, anna: User) -> Iterator[Page]:
    """A page of Anna, wide and light."""
    with visitor.page(anna) as page:
        yield page


def sessions() -> list[date]:
    """Returns the stored sessions of XNYS; the latest closed one is not among them."""
    calendar = sessions_of("XNYS")
    assert calendar
    last = calendar.last_closed(datetime.now(UTC))
    assert last
    return [calendar.shift(last, at - SESSIONS) for at in range(SESSIONS)]


def stored(symbol: str = "ACME") -> list[date]:
    """Stores bars of a tracked symbol, with a 2:1 split and a dividend in the last 100 sessions."""
    days = sessions()
    tracked(symbol, last_update=datetime.now(UTC))
    closes = [round(100 + 0.1 * at, 1) for at in range(SESSIONS)]
    rows = [
        (day, close, close + 1, close - 1, close, 1_000)
        for day, close in zip(days, closes, strict=True)
    ]
    published(symbol, rows, Actions((Split(days[220], 2, 1),), (Dividend(days[260], 0.5),)))
    return days


def quoted(symbol: str, price: float) -> None:
    """Stores a quote of the session after the last stored one."""
    calendar, now = sessions_of("XNYS"), datetime.now(UTC)
    assert calendar
    day = calendar.shift(sessions()[-1], 1)
    traded = datetime(day.year, day.month, day.day, 18, tzinfo=UTC)
    services.quotes().put(
        [
            Quote(
                symbol=symbol,
                price=price,
                market_time=traded,
                fetched_at=max(now, traded + timedelta(minutes=1)),
                market_state="REGULAR",
                currency="USD",
                timezone="America/New_York",
                previous_close=130.0,
            )
        ]
    )
