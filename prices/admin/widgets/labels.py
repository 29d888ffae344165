"""Small pieces of HTML that lists, details and the dashboard share."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache

from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.timesince import timesince

from prices.domain.wording import stamp
from prices.models import SyncRun

State = SyncRun.State
GOOD, FAIR, POOR = "good", "fair", "poor"

NONE = mark_safe('<span class="pc-subtle">-</span>')  # a constant
VARIANT_OF_STATE = {
    State.WAITING: "default",
    State.QUEUED: "default",
    State.RUNNING: "info",
    State.SUCCEEDED: "success",
    State.PARTIAL: "warning",
    State.FAILED: "danger",
    State.CANCELLED: "default",
}


@lru_cache(maxsize=1024)  # a page shows the same few over and over
def badge(text: str, variant: str = "default") -> SafeString:
    """`variant`: info, success, warning, danger or default."""
    return render_to_string("unfold/helpers/label.html", {"text": text, "variant": variant})


def run_badge(run: SyncRun) -> SafeString:
    return badge(run.get_state_display(), VARIANT_OF_STATE[State(run.state)])


def moment(when: datetime | None, now: datetime, *, never: str = "never") -> SafeString:
    """How long ago or ahead a moment is; the moment itself as the tooltip."""
    if when is None:
        return format_html('<span class="pc-subtle">{}</span>', never)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', when.isoformat(), stamp(when), _away(when, now)
    )


def unbroken(what: object) -> SafeString:
    """On one line, as a date that must not break at its hyphens."""
    return format_html('<span class="pc-number">{}</span>', what)


def at(when: datetime | None) -> str | SafeString:
    """A moment in full, as on a page about one row."""
    return stamp(when) if when else NONE


def upcoming(when: datetime | None, now: datetime) -> SafeString:
    """When something will happen, or since when it should have."""
    if when is None or when > now:
        return moment(when, now, never="paused")
    late = now - when >= timedelta(minutes=1)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        when.isoformat(),
        stamp(when),
        f"due for {timesince(when, now, depth=1)}" if late else "due now",
    )


def _away(when: datetime, now: datetime) -> str:
    if abs(when - now) < timedelta(minutes=1):
        seconds = abs(int((when - now).total_seconds()))
        return f"{seconds} s ago" if when <= now else f"in {seconds} s"
    if when > now:
        return f"in {timesince(now, when, depth=1)}"
    return f"{timesince(when, now, depth=1)} ago"


def lasting(duration: timedelta | None) -> str | SafeString:
    """A duration as people say it: 0.8 s, 4 min 5 s, 2 h 10 min."""
    if duration is None:
        return NONE
    seconds = duration.total_seconds()
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def floored(percent: float) -> str:
    """Two digits, cut off and not rounded: 100 means that nothing is missing."""
    return f"{int(percent * 100) / 100:g}"


def clipped(text: str, length: int = 90) -> str | SafeString:
    """A long text on one line of a list, whole in the tooltip."""
    if not text:
        return NONE
    short = text if len(text) <= length else text[: length - 1].rstrip() + "…"
    return format_html('<span class="pc-text" title="{}">{}</span>', text, short)


def run_link(run: SyncRun, text: object) -> SafeString:
    url = reverse("admin:prices_syncrun_change", args=[run.pk])
    return format_html('<a class="pc-link" href="{}">{}</a>', url, text)


def tone_of_share(percent: float) -> str:
    return GOOD if percent >= 99.5 else FAIR if percent >= 95 else POOR


def coverage_bar(percent: float | None) -> SafeString:
    """A percentage with a small bar; full is green, less than 95 is red."""
    if percent is None:
        return format_html(
            '<span class="pc-subtle" title="Its exchange\'s sessions are not known.">{}</span>',
            "unknown",
        )
    return format_html(
        '<span class="pc-share">{} %<svg class="pc-bar" viewBox="0 0 100 4" '
        'preserveAspectRatio="none" aria-hidden="true"><rect width="100" height="4"/>'
        '<rect class="pc-{}" width="{}" height="4"/></svg></span>',
        floored(percent),
        tone_of_share(percent),
        f"{min(percent, 100):.1f}",
    )


def spark(closes: Sequence[float]) -> SafeString:
    """A small curve of closes, said in words to who does not see it."""
    if len(closes) < 2:
        return NONE
    low, high = min(closes), max(closes)
    span, step = (high - low) or 1.0, 96 / (len(closes) - 1)
    points = [(2 + n * step, 26 - 24 * (close - low) / span) for n, close in enumerate(closes)]
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    change = 100 * (closes[-1] / closes[0] - 1)
    return format_html(
        '<svg class="pc-spark" role="img" aria-label="{}" viewBox="0 0 100 28">'
        '<title>{}</title><path d="{}"/><circle cx="{}" cy="{}" r="2"/></svg>',
        *[f"{len(closes)} closes, {change:+.1f} %"] * 2,
        path,
        *(f"{value:.1f}" for value in points[-1]),
    )
