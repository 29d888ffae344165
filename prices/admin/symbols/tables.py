"""The tables on the page of one symbol: bars, gaps, manual bars, attempts, corrections."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import numpy as np
from django.core.paginator import Paginator
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from prices.admin.symbols.page_data import SymbolData
from prices.admin.widgets import labels
from prices.admin.widgets.panels import Table, make_table
from prices.admin.widgets.runs import run_link
from prices.domain.actions import Dividend
from prices.domain.answers import SAMPLE, Guard, Result
from prices.domain.bars import Bar, BarSeries
from prices.domain.manual_bars import ManualBar
from prices.domain.wording import name_some, plural
from prices.models import Quarantine
from prices.store.corrections import Recorded

BARS_PER_PAGE = 50
MAX_GAPS = 200
MAX_CORRECTIONS_SHOWN = 100
MAX_ATTEMPTS_SHOWN = 30
NORMALISED = (
    "The provider's open, high or low did not fit the close: high and low were widened to contain "
    "open and close, and a missing open became the close."
)
UNCONFIRMED = (
    "The price moved like a split that the provider does not report (yet). If it reports one, the "
    "history is restated."
)
HELD_BACK = "The new bar is suspicious and not stored until somebody decides in the quarantine."
PRICE_HEADERS = ("Session", "Open", "High", "Low", "Close", "Volume")
_RESULT_VARIANTS = {Result.UPDATED: "success", Result.UNCHANGED: "default", Result.FAILED: "danger"}


def bars_table(
    data: SymbolData, start: date | None, end: date | None, page: object
) -> dict[str, Any]:
    """Returns one page of the bars of a range of dates, newest first.

    `start` and `end` are inclusive; `page` is the text in the address, valid or not.
    """
    sessions = data.bars.sessions
    low = np.searchsorted(sessions, np.datetime64(start)) if start else 0
    high = np.searchsorted(sessions, np.datetime64(end), side="right") if end else len(sessions)
    paginator = Paginator(range(int(high) - 1, int(low) - 1, -1), BARS_PER_PAGE)
    shown = paginator.get_page(page)  # type: ignore[arg-type]  # It accepts any text.
    positions = list(shown.object_list)
    rows = _bar_rows(data, data.bars.take(positions[::-1])) if positions else []
    headers = [*PRICE_HEADERS, "Source", "State", "Confirmed", "Corrected"]
    return {"table": Table("Bars", headers, rows), "page": shown, "start": start, "end": end}


def _bar_rows(data: SymbolData, bars: BarSeries) -> list[list[object]]:
    by_hand = {filled.session: filled for filled in data.facts.by_hand}
    corrections: dict[date, list[Recorded]] = {}
    for entry in data.corrections:
        corrections.setdefault(entry.correction.session, []).append(entry)
    confirmed = data.confirmed_at(bars.sessions)
    unconfirmed = "never" if data.facts.source == SAMPLE else "earlier"
    rows = []
    for position in range(len(bars) - 1, -1, -1):
        session = bars.sessions[position].item()
        source: object = data.facts.source
        at: object = labels.relative_time(confirmed[position], never=unconfirmed)
        if filled := by_hand.get(session):
            source, at = _source(filled), labels.full_time(filled.at)
        changed = _corrections_link(corrections.get(session, []))
        state = _state(data, session, filled)
        rows.append([*price_cells(bars[position]), source, state, at, changed])
    return rows


def price_cells(bar: Bar) -> list[object]:
    """Returns the cells below `PRICE_HEADERS`."""
    prices = (labels.nowrap(labels.exact_number(value)) for value in bar[1:5])
    return [labels.nowrap(bar.ts.date()), *prices, f"{bar.volume:,}"]


def _source(filled: ManualBar) -> SafeString:
    return format_html(
        '<span class="pc-text">by hand: {}<span class="pc-subtle"> ({})</span></span>',
        *(filled.by, filled.note),
    )


def _state(data: SymbolData, session: date, filled: ManualBar | None) -> SafeString:
    if filled is not None:
        return labels.badge("by hand", "warning" if filled.offered else "info")
    facts = data.facts
    final = facts.final_through is not None and session <= facts.final_through
    found = [labels.badge("final", "success") if final else labels.badge("provisional", "default")]
    if any(session in days for days in facts.normalised):
        found.append(labels.badge("normalised", "info", NORMALISED))
    if session in facts.unconfirmed:
        found.append(labels.badge("unconfirmed", "warning", UNCONFIRMED))
    places = "{}" * len(found)
    return format_html(f'<span class="pc-badges">{places}</span>', *found)


def remarks(data: SymbolData) -> list[tuple[SafeString, str]]:
    """Returns a badge and a sentence for each kind of bar that is marked or held back."""
    facts, found = data.facts, []
    count = sum(len(data.bars.between(days.start, days.end)) for days in facts.normalised)
    if count:
        badge = labels.badge("normalised", "info", NORMALISED)
        found.append((badge, f"{plural(count, 'bar')}. {NORMALISED}"))
    for days, text, meaning in (
        (facts.unconfirmed, "unconfirmed", UNCONFIRMED),
        (facts.held_back, "held back", HELD_BACK),
    ):
        if days:
            names = name_some([str(day) for day in days])
            found.append((labels.badge(text, "warning", meaning), f"{names}. {meaning}"))
    return found


def _corrections_link(entries: list[Recorded]) -> SafeString:
    if not entries:
        return labels.NONE
    title = "; ".join(
        f"{c.field}: {labels.exact_number(c.old)} → {labels.exact_number(c.new)}, {c.why}"
        for c in (entry.correction for entry in entries)
    )
    count = plural(len(entries), "change")
    return format_html('<a class="pc-link" href="#corrections" title="{}">{}</a>', title, count)


def gaps_table(data: SymbolData, *, may_change: bool) -> Table:
    """Returns the latest gaps, newest first."""
    columns = {
        "Session": lambda gap: labels.nowrap(gap.session),
        "Tries": lambda gap: gap.tries,
        "Next try": lambda gap: labels.relative_time(
            gap.next_try_at, never="none: request it again by hand"
        ),
        "Reason": lambda gap: gap.reason,
    }

    def buttons(gap: Any) -> SafeString:
        request = _button("ask_again", "Request again", gap.session)
        return _button_group(request, _fill_link(data, gap.session, "Fill", "Fill by hand"))

    shown = data.facts.gaps[::-1][:MAX_GAPS]
    return make_table("Gaps", shown, columns, buttons=buttons if may_change else None)


def _button(act: str, text: str, session: date) -> SafeString:
    """Returns a button of the page's form, whose value is an action and a session."""
    return format_html(
        '<button class="pc-button" type="submit" form="act" name="do" value="{} {}"'
        ' aria-label="{} {}">{}</button>',
        *(act, session, text, session, text),
    )


def _fill_link(data: SymbolData, session: date, verb: str, text: str) -> SafeString:
    return format_html(
        '<a class="pc-button" href="{}" aria-label="{} {} by hand">{}</a>',
        reverse("admin:prices_trackedsymbol_fill", args=[data.row.pk, session.isoformat()]),
        *(verb, session, text),
    )


def _button_group(*buttons: SafeString) -> SafeString:
    places = "{}" * len(buttons)
    return format_html(f'<span class="pc-row-buttons">{places}</span>', *buttons)


def by_hand_table(data: SymbolData, *, may_change: bool) -> Table:
    """Returns the bars that users filled in, and what the provider says instead."""
    sessions = np.array([filled.session for filled in data.facts.by_hand], "datetime64[D]")
    bars = data.bars.take(np.isin(data.bars.sessions, sessions))
    closes = dict(zip(bars.sessions.tolist(), bars.close.tolist(), strict=True))
    columns = {
        "Session": lambda filled: labels.nowrap(filled.session),
        "By": lambda filled: filled.by,
        "When": lambda filled: labels.full_time(filled.at),
        "Source": lambda filled: filled.note,
        "Stored": lambda filled: labels.nowrap(labels.exact_number(closes.get(filled.session))),
        "The provider says": _offered,
    }

    def buttons(filled: ManualBar) -> SafeString:
        take = [_button("take_offered", "Take the provider's", filled.session)]
        return _button_group(
            *take * (filled.offered is not None),
            _button("withdraw", "Withdraw", filled.session),
            _fill_link(data, filled.session, "Change", "Change"),
        )

    shown = data.facts.by_hand[::-1]
    return make_table("Filled by hand", shown, columns, buttons=buttons if may_change else None)


def _offered(filled: ManualBar) -> SafeString:
    if filled.offered is None:
        return format_html('<span class="pc-subtle">{}</span>', "nothing else")
    o = filled.offered
    prices = f"open {o.open:g}, high {o.high:g}, low {o.low:g}, close {o.close:g}"
    return format_html("<b>{}, volume {}</b>", prices, f"{o.volume:,}")


def ranges_table(data: SymbolData) -> Table:
    """Returns the ranges that were ever requested, with inclusive ends."""
    columns = {
        "Requested from": lambda r: labels.nowrap(r.start),
        "To": lambda r: labels.nowrap(r.end - timedelta(days=1)),
    }
    return make_table("Requested ranges", data.facts.asked, columns)


def attempts_table(data: SymbolData) -> Table:
    columns = {
        "When": lambda attempt: labels.relative_time(attempt.at),
        "Run": lambda attempt: run_link(attempt.run),
        "Result": lambda a: labels.badge(a.result, _RESULT_VARIANTS[Result(a.result)]),
        "Bars": lambda attempt: f"{attempt.bars:,}",
        "Answered from": lambda attempt: labels.nowrap(attempt.since),
        "Error": lambda attempt: labels.wrapped_text(attempt.error),
    }
    empty = "No run included this symbol in the last 30 days."
    return make_table("Attempts", data.attempts[:MAX_ATTEMPTS_SHOWN], columns, empty=empty)


def quarantine_table(data: SymbolData, *, may_change: bool) -> Table:
    columns: dict[str, Callable[[Quarantine], object]] = {
        "Guard": lambda e: labels.link(e.kind, "admin:prices_quarantine_change", e.pk),
        "Why it is in quarantine": lambda entry: entry.reason,
        "Since": lambda entry: labels.full_time(entry.first_seen),
        "Times": lambda entry: entry.times,
    }

    def buttons(entry: Quarantine) -> SafeString:
        keep = _decide_button(entry, "keep", "Keep the stored values")
        take = _decide_button(entry, "release", "Take the provider's values")
        return _button_group(keep, *[take] * (entry.kind != Guard.EVENT))

    return make_table(
        "Quarantine", data.quarantine, columns, buttons=buttons if may_change else None
    )


def _decide_button(entry: Quarantine, decision: str, text: str) -> SafeString:
    """Returns a button of the page's form that leads to the confirmation of a decision."""
    return format_html(
        '<button class="pc-button" type="submit" form="act" formaction="{}" name="action"'
        ' value="{}">{}<span class="pc-sr"> of entry {}</span></button>',
        reverse("admin:prices_quarantine_decide", args=[entry.pk]),
        *(decision, text, entry.pk),
    )


CORRECTION_COLUMNS: dict[str, Callable[[Recorded], object]] = {
    "Session": lambda entry: labels.nowrap(entry.correction.session),
    "Field": lambda entry: entry.correction.field,
    "Old": lambda entry: labels.exact_number(entry.correction.old),
    "New": lambda entry: labels.exact_number(entry.correction.new),
    "Why": lambda entry: str(entry.correction.why),
}


def corrections_table(data: SymbolData) -> Table:
    columns = {**CORRECTION_COLUMNS, "Seen": lambda entry: labels.full_time(entry.seen_at)}
    shown = data.corrections[:MAX_CORRECTIONS_SHOWN]
    return make_table("Corrections", shown, columns, empty="No stored bar has been changed.")


def actions_table(data: SymbolData) -> Table:
    """Returns splits and distributions, newest first, which the chart shows as marks."""
    actions, unit = data.facts.actions, data.facts.currency
    found: list[tuple[date, str, object]] = [
        *((s.session, f"split {s.numerator:.6g}:{s.denominator:.6g}", "") for s in actions.splits),
        *(
            (d.session, f"dividend {d.amount:.6g} {d.currency or unit}", _dividend_note(d))
            for d in actions.dividends
        ),
        *(
            (
                g.session,
                f"capital gain {g.amount:.6g} {unit}",
                "contained in the dividend of the day" if g.in_dividend else "",
            )
            for g in actions.gains
        ),
    ]
    columns: dict[str, Callable[[tuple[date, str, object]], object]] = {
        "Session": lambda one: labels.nowrap(one[0]),
        "What": lambda one: one[1],
        "Remark": lambda one: one[2] or labels.NONE,
    }
    found.sort(key=lambda one: one[:2], reverse=True)
    return make_table("Splits, dividends and capital gains", found, columns)


def _dividend_note(dividend: Dividend) -> object:
    notes = []
    if dividend.converted_from:
        notes.append(f"converted from {dividend.converted_from}")
    if dividend.currency:
        notes.append(f"paid in {dividend.currency}, so prices are not adjusted for it")
    words = ", ".join(notes)
    if not dividend.suspicious:
        return words
    badge = labels.badge("suspicious", "warning", "Prices are not adjusted for it.")
    reason = f"{dividend.suspicious}; prices are not adjusted for it"
    return format_html("<span>{} {}</span>", badge, "; ".join(filter(None, [reason, words])))
