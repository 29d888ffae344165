"""The page of one symbol: its prices, and how fresh and complete they are."""

from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.timesince import timesince

from portfolio.domain.entries import FIRST_DATE
from portfolio.web.pages import private_page
from prices.domain.actions import Adjust
from prices.domain.answers import SAMPLE
from prices.domain.bars import InvalidSymbol, NotTracked
from prices.domain.coverage import RequestedRange
from prices.domain.markets import major_currency
from prices.domain.wording import plural
from prices.reads.instances import reader
from prices.reads.reader import History

# The chart shows the older ones too.
MAX_DIVIDENDS = 8
# A close of this age is still suggested for a day without one.
MAX_SUGGESTION_AGE = timedelta(days=7)


@private_page("GET")
def symbol_page(request: HttpRequest, symbol: str) -> HttpResponse:
    now = timezone.now()
    try:
        history = reader().history(symbol, RequestedRange(), now=now)
        _, actions, currency = reader().actions(symbol)
    except (NotTracked, InvalidSymbol) as error:
        raise Http404(
            f"{symbol} is not tracked. Add a transaction with it to a portfolio to load its "
            "history."
        ) from error
    dividends = list(reversed(actions.dividends))
    context = {
        "row": history.row,
        "bars": len(history.bars),
        "last": history.bars.last,
        "exchange": history.row.market or history.row.mic,
        "currency": currency,
        "splits": list(reversed(actions.splits)),
        "dividends": dividends[:MAX_DIVIDENDS],
        "older_dividends": len(dividends[MAX_DIVIDENDS:]),
        "sentences": _describe_history(history, now),
        **_quote_context(history, now),
    }
    return render(request, "portfolio/symbol.html", context)


@private_page("GET")
def suggested_close(request: HttpRequest) -> HttpResponse:
    """Returns the last close on or shortly before a date, as traded, or why there is none."""
    symbol = request.GET.get("symbol", "")
    try:
        day = date.fromisoformat(request.GET.get("date", ""))
    except ValueError:
        day = date.min
    if day < FIRST_DATE:  # the form reports the wrong date
        return JsonResponse({"problem": ""})
    days = RequestedRange(day - MAX_SUGGESTION_AGE, day)
    try:
        history = reader().history(symbol, days, Adjust.NONE, now=timezone.now())
    except InvalidSymbol as error:
        return JsonResponse({"problem": str(error)})
    except NotTracked:
        problem = f"{symbol} is not tracked yet. Its history is loaded once you save."
        return JsonResponse({"problem": problem})
    if not len(history.bars):
        return JsonResponse({"problem": "No price is stored for that date."})
    bar = history.bars[-1]
    return JsonResponse({"date": bar.ts.date(), "close": bar.close, "currency": history.currency})


def _quote_context(history: History, now: datetime) -> dict[str, Any]:
    """Returns the latest price: the quote, or the last close if the quote is older."""
    quote, bars = history.quote, history.bars
    if len(bars) and (quote is None or quote.session < bars.sessions[-1].item()):
        return {"close": bars[-1].close, "close_currency": history.currency}
    if quote is None:
        return {}
    before = quote.previous_close
    change = quote.price - before if before else None
    state = "open" if quote.market_state == "REGULAR" else "closed"
    return {
        "quote": quote,
        "change": change,
        "change_percent": change / before if before and change is not None else None,
        "quote_text": f"market {state}, traded {_age(quote.market_time, now)}",
    }


def _describe_history(history: History, now: datetime) -> list[str]:
    """Returns sentences about the extent, completeness and freshness of the bars."""
    coverage, bars = history.coverage, history.bars
    if not len(bars):
        return []
    sentences = [f"{len(bars):,} daily bars, {bars.sessions[0]} to {bars.sessions[-1]}."]
    if coverage.percent is None:
        sentences.append("The sessions of its exchange are not known, so gaps are not known.")
    elif gaps := int(np.searchsorted(np.array(coverage.gaps, "M8[D]"), bars.sessions[-1])):
        sentences.append(f"{plural(gaps, 'session')} without a bar.")
    else:
        sentences.append("No session in between is missing.")
    if history.stale_reason:
        sentences.append(f"Not up to date: {history.stale_reason}.")
    else:
        sentences.append("Up to date with the last closed session.")
    if history.source == SAMPLE:
        sentences.append("They are the sample's, which the provider has not replaced yet.")
    elif history.as_of:
        sentences.append(f"Last confirmed by the provider {_age(history.as_of, now)}.")
    major, units = major_currency(unit := history.currency)
    if units > 1:
        sentences.append(f"Prices are in {unit}; {units} {unit} = 1 {major}.")
    return sentences


def _age(when: datetime, now: datetime) -> str:
    is_recent = now - when < timedelta(minutes=1)
    return "just now" if is_recent else f"{timesince(when, now, depth=1)} ago"
