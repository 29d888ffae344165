"""Small pieces of HTML that lists, details and the dashboard share: badges, times, figures."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache

from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.timesince import timesince

from prices.domain.wording import stamp

GOOD, FAIR, POOR = "good", "fair", "poor"
NONE = mark_safe('<span class="pc-subtle">-</span>')  # a constant


@lru_cache(maxsize=1024)  # A page shows the same few badges many times.
def badge(text: str, variant: str = "default", title: str = "") -> SafeString:
    """`variant` is info, success, warning, danger or default; `title` is the tooltip."""
    context = {"text": text, "variant": variant, "label_title": title}
    return render_to_string("unfold/helpers/label.html", context)


def relative_time(when: datetime | None, *, never: str = "never") -> SafeString:
    """Returns how long ago or ahead a moment is, with the moment itself as the tooltip."""
    if when is None:
        return format_html('<span class="pc-subtle">{}</span>', never)
    now = timezone.now()
    seconds = abs(int((when - now).total_seconds()))
    span = f"{seconds} s" if seconds < 60 else timesince(min(when, now), max(when, now), depth=1)
    return _time_element(when, f"{span} ago" if when <= now else f"in {span}")


def full_time(when: datetime | None) -> str | SafeString:
    """Returns a moment with its date and time in UTC, as on a page about one row."""
    return stamp(when) if when else NONE


def due_time(when: datetime | None) -> SafeString:
    """Returns when something will happen, or for how long it has been due; None means paused."""
    now = timezone.now()
    if when is None or when > now:
        return relative_time(when, never="paused")
    late = now - when >= timedelta(minutes=1)
    return _time_element(when, f"due for {timesince(when, now, depth=1)}" if late else "due now")


def _time_element(when: datetime, text: str) -> SafeString:
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', when.isoformat(), stamp(when), text
    )


def nowrap(value: object) -> SafeString:
    """Keeps a value on one line, such as a date, which would break at its hyphens."""
    return NONE if value is None else format_html('<span class="pc-number">{}</span>', value)


def exact_number(value: float | str | None) -> str:
    """Returns a price with up to ten significant digits, a text as it is, or "none"."""
    if isinstance(value, str):
        return value
    return "none" if value is None else f"{value:,.10g}"


def duration_text(duration: timedelta | None) -> str | SafeString:
    """Returns a duration such as 0.8 s, 4 min 5 s or 2 h 10 min."""
    if duration is None:
        return NONE
    seconds = duration.total_seconds()
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def truncated_percent(percent: float) -> str:
    """Returns two decimals, truncated instead of rounded: "100" means that nothing is missing."""
    return f"{int(percent * 100) / 100:g}"


def clipped_text(text: str, length: int = 90) -> str | SafeString:
    """Returns a long text cut to one line of a list, with the whole text as the tooltip."""
    if not text:
        return NONE
    short = text if len(text) <= length else text[: length - 1].rstrip() + "…"
    return format_html('<span class="pc-text" title="{}">{}</span>', text, short)


def wrapped_text(text: str) -> SafeString:
    """Returns a text that may take several lines of its cell."""
    return format_html('<span class="pc-text">{}</span>', text) if text else NONE


def link(text: object, view: str, *args: object, **query: str) -> SafeString:
    """Returns a link to a page by the name of its view, its arguments and its query."""
    url = reverse(view, args=args, query=query)
    return format_html('<a class="pc-link" href="{}">{}</a>', url, text)


def coverage_tone(percent: float) -> str:
    return GOOD if percent >= 99.5 else FAIR if percent >= 95 else POOR


def coverage_bar(percent: float | None) -> SafeString:
    """Returns a percentage with a small bar: green from 99.5, red below 95."""
    if percent is None:
        return format_html(
            '<span class="pc-subtle" title="The sessions of its exchange are not known.">{}</span>',
            "unknown",
        )
    return format_html(
        '<span class="pc-share">{} %<svg class="pc-bar" viewBox="0 0 100 4" '
        'preserveAspectRatio="none" aria-hidden="true"><rect width="100" height="4"/>'
        '<rect class="pc-{}" width="{}" height="4"/></svg></span>',
        truncated_percent(percent),
        coverage_tone(percent),
        f"{min(percent, 100):.1f}",
    )


def sparkline(closes: Sequence[float]) -> SafeString:
    """Returns a small curve of closes, described in words for screen readers."""
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
