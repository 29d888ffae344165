"""The page of one symbol: its prices random_sample, and in words how fresh and how complete they are."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.timesince import timesince
from django.views.decorators.http import require_safe

from portfolio.domain.entries import FIRST_DATE
from portfolio.web.page_guard import guarded_page
from prices.domain.actions import Adjust
from prices.domain.bars import InvalidSymbol
from prices.domain.markets import major_currency
from prices.domain.quotes import Quote
from prices.domain.ranges import Asked
from prices.reads.instances import reader
from prices.reads.names import NotTracked
from prices.reads.reader import History

# More would make the list longer than the chart that shows them all.
MOST_EVENTS = 8
MINUTE = timedelta(minutes=1)
# A close this old may still be suggested for a day without one.
SHORTLY = timedelta(days=7)


@guarded_page
@login_required
@require_safe
def symbol_page(request: HttpRequest, symbol: str) -> HttpResponse:
    now = timezone.now()
    try:
        history = reader().history(symbol, Asked(), now=now)
        _, actions, currency = reader().actions(symbol)
    except (NotTracked, InvalidSymbol) as error:
        raise Http404(
            f"{symbol} is not tracked: add a transaction of it to a portfolio, "
            "and its history is loaded."
        ) from error
    dividends = list(reversed(actions.dividends))
    context = {
        "row": history.row,
        "bars": len(history.bars),
        "last": history.bars.last,
        "exchange": history.row.market or history.row.mic,
        "currency": currency,
        "splits": list(reversed(actions.splits)),
        "dividends": dividends[:MOST_EVENTS],
        "older_dividends": len(dividends[MOST_EVENTS:]),
        "sentences": _sentences(history, now),
        **_quote_context(history.quote, now),
    }
    return render(request, "portfolio/symbol.html", context)


@guarded_page
@login_required
@require_safe
def suggested_close(request: HttpRequest) -> HttpResponse:
    """The last close on or shortly before a date, as it was traded; or why there is none."""
    symbol, day = request.GET.get("symbol", ""), parsed_date(request.GET.get("date", ""))
    if day is None or day < FIRST_DATE:  # the form says what is wrong with it
        return JsonResponse({"problem": ""})
    asked = Asked(day - SHORTLY, day)
    try:
        history = reader().history(symbol, asked, Adjust.NONE, now=timezone.now())
    except InvalidSymbol as error:
        return JsonResponse({"problem": str(error)})
    except NotTracked:
        problem = f"{symbol} is not tracked yet: once this is saved, its history is loaded."
        return JsonResponse({"problem": problem})
    if not len(history.bars):
        return JsonResponse({"problem": "No price is stored for that date."})
    bar = history.bars[-1]
    body = {"date": bar.ts.date(), "close": bar.close, "currency": history.currency}
    return JsonResponse(body)


def parsed_date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _quote_context(quote: Quote | None, now: datetime) -> dict[str, Any]:
    if quote is None:
        return {}
    before = quote.previous_close
    change = quote.price - before if before else None
    state = "market open" if quote.market_state == "REGULAR" else "market closed"
    return {
        "quote": quote,
        "change": change,
        "change_percent": change / before if before and change is not None else None,
        "quote_words": f"{state}, traded {_ago(quote.market_time, now)}",
    }


def _sentences(history: History, now: datetime) -> list[str]:
    """What to think of the bars, in plain words."""
    covered, bars = history.coverage, history.bars
    if not len(bars):
        return []
    found = [f"{len(bars):,} daily bars, {bars.sessions[0]} to {bars.sessions[-1]}."]
    if covered.percent is None:
        found.append("The sessions of its exchange are not known, so nothing is said of gaps.")
    elif missing := int(np.searchsorted(np.array(covered.gaps, "M8[D]"), bars.sessions[-1])):
        days = "session lacks its bar" if missing == 1 else "sessions lack their bars"
        found.append(f"{missing:,} {days} in that time.")
    else:
        found.append("Every session of its exchange in that time has its bar.")
    found.append(
        f"Not up to date: {history.stale_reason}."
        if history.stale_reason
        else "Up to date with the last closed session."
    )
    if history.as_of:
        found.append(f"Last confirmed by the provider {_ago(history.as_of, now)}.")
    major, units = major_currency(history.currency)
    if units > 1:
        found.append(f"Prices are in {history.currency}: {units} of them are one {major}.")
    return found


def _ago(when: datetime, now: datetime) -> str:
    return f"{timesince(when, now, depth=1)} ago" if now - when >= MINUTE else "just now"
