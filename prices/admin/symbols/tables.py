"""The tables on the page of one symbol: bars with their provenance, ledger, attempts and more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from django.core.paginator import Page, Paginator
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from prices.admin.symbols.page_data import SymbolData
from prices.admin.widgets.labels import NONE, at, badge, moment, run_link, unbroken
from prices.domain.bars import BarSeries
from prices.domain.coverage import Gap
from prices.domain.manual_bars import HandFilled
from prices.domain.outcomes import Result
from prices.models import Attempt
from prices.store.corrections import Recorded

BARS_A_PAGE = 50
MOST_GAPS = 200
MOST_CORRECTIONS_SHOWN = 100
MOST_ATTEMPTS_SHOWN = 30
_VARIANT_OF_RESULT = {
    Result.UPDATED: "success",
    Result.UNCHANGED: "default",
    Result.FAILED: "danger",
}
Table = dict[str, Any]


@dataclass(frozen=True, slots=True)
class BarsTable:
    """A page of the bars of a range, the newest first."""

    table: Table
    page: Page[Any]
    start: date | None
    end: date | None


def bars_table(data: SymbolData, start: date | None, end: date | None, page: object) -> BarsTable:
    """`start` and `end` are inclusive; `page` as the address says it, whatever that is."""
    low = 0 if start is None else int(np.searchsorted(data.bars.sessions, np.datetime64(start)))
    high = (
        len(data.bars)
        if end is None
        else int(np.searchsorted(data.bars.sessions, np.datetime64(end), side="right"))
    )
    paginator = Paginator(range(high - 1, low - 1, -1), BARS_A_PAGE)
    shown = paginator.get_page(page)  # type: ignore[arg-type]  # it takes what is no number too
    positions = list(shown.object_list)
    rows = _bar_rows(data, data.bars.take(positions[::-1])) if positions else []
    headers = ["Session", "Open", "High", "Low", "Close", "Volume", "Source", "State"]
    return BarsTable(
        {"caption": "Bars", "headers": [*headers, "Confirmed", "Corrected"], "rows": rows},
        shown,
        start,
        end,
    )


def _bar_rows(data: SymbolData, bars: BarSeries) -> list[list[object]]:
    by_hand = {filled.session: filled for filled in data.facts.by_hand}
    corrected = data.corrected()
    confirmed = data.confirmed_at(bars.sessions)
    rows = []
    for position in range(len(bars) - 1, -1, -1):
        bar, session = bars[position], bars.sessions[position].item()
        filled = by_hand.get(session)
        rows.append(
            [
                unbroken(session),
                *(_price(value) for value in bar[1:5]),
                f"{bar.volume:,}",
                _source(data.facts.source, filled),
                _state(data, session, filled),
                at(filled.at) if filled else moment(confirmed[position], data.now, never="earlier"),
                _corrected(corrected.get(session, [])),
            ]
        )
    return rows


def _price(value: float) -> SafeString:
    return unbroken(f"{value:,.10g}")


def _source(source: str, filled: HandFilled | None) -> object:
    if filled is None:
        return source
    return format_html(
        '<span class="pc-text">by hand: {}<span class="pc-subtle"> ({})</span></span>',
        filled.by,
        filled.note,
    )


def _state(data: SymbolData, session: date, filled: HandFilled | None) -> SafeString:
    if filled is not None:
        return badge("by hand", "warning" if filled.offered else "info")
    final = data.facts.final_through is not None and session <= data.facts.final_through
    return badge("final", "success") if final else badge("provisional", "default")


def _corrected(entries: list[Recorded]) -> object:
    if not entries:
        return NONE
    title = "; ".join(
        f"{c.field}: {_value(c.old)} → {_value(c.new)}, {c.why}" for c in _of(entries)
    )
    count = f"{len(entries)} change{'s' * (len(entries) != 1)}"
    return format_html('<a class="pc-link" href="#corrections" title="{}">{}</a>', title, count)


def _of(entries: list[Recorded]) -> list[Any]:
    return [entry.correction for entry in entries]


def _value(value: float | None) -> str:
    return "none" if value is None else f"{value:,.10g}"


def gaps_table(data: SymbolData, *, may_change: bool) -> Table:
    """The gaps, the latest first, each with what can be done about it."""
    gaps = data.facts.gaps[::-1][:MOST_GAPS]
    headers = ["Session", "Tries", "Next try", "Reason", *["Mend"] * may_change]
    rows = [[*_gap_row(data, gap), *[_mend(data, gap.session)] * may_change] for gap in gaps]
    return {"caption": "Gaps", "headers": headers, "rows": rows}


def _gap_row(data: SymbolData, gap: Gap) -> list[object]:
    again = moment(gap.next_try_at, data.now, never="no more: ask again by hand")
    return [unbroken(gap.session), gap.tries, again, gap.reason]


def _mend(data: SymbolData, session: date) -> SafeString:
    fill = reverse("admin:prices_trackedsymbol_fill", args=[data.row.pk, session.isoformat()])
    return format_html(
        '<span class="pc-row-buttons">{}<a class="pc-button" href="{}" aria-label="{}">{}</a></span>',
        button("ask_again", "Ask again", session),
        fill,
        f"Fill {session} by hand",
        "Fill by hand",
    )


def button(act: str, text: str, session: date | None = None) -> SafeString:
    """A button of the page's one form; what it does is its value."""
    value = f"{act} {session}" if session else act
    label = format_html(' aria-label="{} {}"', text, session) if session else ""
    return format_html(
        '<button class="pc-button" type="submit" form="act" name="do" value="{}"{}>{}</button>',
        value,
        label,
        text,
    )


def by_hand_table(data: SymbolData, *, may_change: bool) -> Table:
    """The bars that people gave, and what the provider says instead."""
    headers = ["Session", "By", "When", "Source", "Stored", "The provider says"]
    stored = {b.ts.date(): b.close for b in _bars_by_hand(data)}
    rows = [
        [
            unbroken(filled.session),
            filled.by,
            at(filled.at),
            filled.note,
            _price(stored[filled.session]) if filled.session in stored else NONE,
            _offered(filled),
            *[_undo(data, filled)] * may_change,
        ]
        for filled in reversed(data.facts.by_hand)
    ]
    return {
        "caption": "Filled by hand",
        "headers": [*headers, *["Change"] * may_change],
        "rows": rows,
    }


def _bars_by_hand(data: SymbolData) -> list[Any]:
    sessions = np.array([filled.session for filled in data.facts.by_hand], "datetime64[D]")
    bars = data.bars.take(np.isin(data.bars.sessions, sessions))
    return [bars[n] for n in range(len(bars))]


def _offered(filled: HandFilled) -> object:
    if filled.offered is None:
        return format_html('<span class="pc-subtle">{}</span>', "nothing else")
    o = filled.offered
    told = (
        f"open {o.open:g}, high {o.high:g}, low {o.low:g}, close {o.close:g}, volume {o.volume:,}"
    )
    return format_html("<b>{}</b>", told)


def _undo(data: SymbolData, filled: HandFilled) -> SafeString:
    session = filled.session
    fill = reverse("admin:prices_trackedsymbol_fill", args=[data.row.pk, session.isoformat()])
    take = [button("take_offered", "Take the provider's", session)] * (filled.offered is not None)
    return format_html(
        '<span class="pc-row-buttons">{}{}<a class="pc-button" href="{}" aria-label="{}">{}</a></span>',
        format_html_join("", "{}", ((one,) for one in take)),
        button("withdraw", "Withdraw", session),
        fill,
        f"Change {session} by hand",
        "Change",
    )


def ranges_table(data: SymbolData) -> Table:
    """What was ever asked for; ends are inclusive here."""
    rows: list[list[object]] = [
        [unbroken(r.start), unbroken(r.end - timedelta(days=1))] for r in data.facts.asked
    ]
    return {"caption": "Ranges asked for", "headers": ["Asked for from", "To"], "rows": rows}


def attempts_table(data: SymbolData) -> Table:
    """The latest runs that worked on the symbol."""
    return {
        "caption": "Attempts",
        "headers": ["When", "Run", "Result", "Bars", "Answered from", "What was said"],
        "rows": [_attempt_row(data, one) for one in data.attempts[:MOST_ATTEMPTS_SHOWN]],
    }


def _attempt_row(data: SymbolData, attempt: Attempt) -> list[object]:
    return [
        moment(attempt.at, data.now),
        run_link(attempt.run, attempt.run),
        badge(attempt.result, _VARIANT_OF_RESULT[Result(attempt.result)]),
        f"{attempt.bars:,}",
        unbroken(attempt.since) if attempt.since else NONE,
        format_html('<span class="pc-text">{}</span>', attempt.error) if attempt.error else NONE,
    ]


def quarantine_table(data: SymbolData) -> Table:
    return {
        "caption": "Quarantine",
        "headers": ["Guard", "Why it was kept out", "Since", "Times"],
        "rows": [[e.kind, e.reason, at(e.first_seen), e.times] for e in data.quarantine],
    }


def corrections_table(data: SymbolData) -> Table:
    rows = [
        [
            unbroken(entry.correction.session),
            entry.correction.field,
            _value(entry.correction.old),
            _value(entry.correction.new),
            str(entry.correction.why),
            at(entry.seen_at),
        ]
        for entry in data.corrections[:MOST_CORRECTIONS_SHOWN]
    ]
    return {
        "caption": "Corrections",
        "headers": ["Session", "Field", "Old", "New", "Why", "Seen"],
        "rows": rows,
    }


def actions_table(data: SymbolData) -> Table:
    """Splits and dividends, the latest first: what the chart marks."""
    actions = data.facts.actions
    told = [(s.session, f"split {s.numerator:g}:{s.denominator:g}") for s in actions.splits]
    told += [(d.session, f"dividend {d.amount:.6g}") for d in actions.dividends]
    rows = [[unbroken(session), what] for session, what in sorted(told, reverse=True)]
    return {"caption": "Splits and dividends", "headers": ["Session", "What"], "rows": rows}
