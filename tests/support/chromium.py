"""A real Chromium for browser tests. A page that logs an error fails its test."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Browser, Page, expect, sync_playwright

# What takes a tenth of a second may take many seconds on a busy machine.
expect.set_options(timeout=30_000)

# The shell is Chromium without windows around its pages, so each page costs half as much.
_PROGRAMS = ("chromium-headless-shell", "chromium")
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# Turns violations of the content security policy into errors, and adds up layout shifts.
_INIT_SCRIPT = """
addEventListener("securitypolicyviolation", (event) =>
  console.error(`forbidden: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
window.shifted = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifted += entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""
# Returns the texts whose contrast with their background is less than 4.5, with that contrast.
_LOW_CONTRAST_SCRIPT = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, below) => [0, 1, 2].map((n) => top[n] * top[3] + below[n] * (1 - top[3]));
  const behind = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) {
      layers.push(rgba(getComputedStyle(at).backgroundColor));
      if (layers.at(-1)[3] === 1) break;
    }
    const ground = document.documentElement.classList.contains("dark") ? [0, 0, 0] : [255, 255, 255];
    return layers.reverse().reduce((below, top) => over(top, below), ground);
  };
  const light = (rgb) => {
    const [r, g, b] = rgb.map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const faint = [];
  const walker = document.createTreeWalker(document.querySelector("#content"), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const text = walker.currentNode.textContent.trim();
    if (!text || !element.checkVisibility() || element.closest(".pc-sr, script, .material-symbols-outlined")) continue;
    const ground = behind(element);
    const [a, b] = [light(over(rgba(getComputedStyle(element).color), ground)), light(ground)];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5) faint.push(`${text.slice(0, 40)}: ${contrast.toFixed(2)}`);
  }
  return faint;
}"""

# Widths and colour schemes of the admin's pages.
VIEWS = {"wide-light": (1440, "light"), "narrow-dark": (375, "dark")}
# For tests of what a page does: whatever a narrow window hides or moves could break it.
in_one_view = pytest.mark.parametrize(
    "page", [VIEWS["narrow-dark"]], ids=["narrow-dark"], indirect=True
)


@contextmanager
def chromium() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    assert path, "Chromium is needed: apt-get install chromium-headless-shell"
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Django refuses database access in a thread with an event loop, such as Playwright's.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        browser = playwright.chromium.launch(executable_path=path, args=_FLAGS)
        yield browser
        browser.close()


@contextmanager
def signed_in(
    browser: Browser, url: str, user: User, *, width: int, scheme: str, allowed: str = ""
) -> Iterator[Page]:
    """Yields a simple page of the admin for a signed-in user. Addresses begin with the path.

    An error in the console or on the page fails the test, unless it contains `allowed`.
    """
    errors: list[str] = []

    def record(text: str) -> None:
        if not allowed or allowed not in text:
            errors.append(text)

    with browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if scheme == "dark" else "light",
        base_url=url,
    ) as context:
        client = Client()
        client.force_login(user)
        session = client.cookies[settings.SESSION_COOKIE_NAME].value
        context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": url}])
        page = context.new_page()
        page.add_init_script(_INIT_SCRIPT)
        page.on("console", lambda m: record(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: record(str(error)))
        # Fonts and styles are in the cache then, as for all but the first page of a visitor.
        page.goto("/admin/password_change/")
        yield page
        assert errors == []


def fits(page: Page) -> bool:
    """Returns whether nothing on the page is wider than the window, once it is loaded."""
    page.wait_for_load_state()
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def low_contrast_texts(page: Page) -> list[str]:
    """Returns the texts with too little contrast to their background, once it is loaded."""
    page.wait_for_load_state()
    found: list[str] = page.evaluate(_LOW_CONTRAST_SCRIPT)
    return found
