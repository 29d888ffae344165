"""How often the cache was read in each hour, and how fast it answered."""

from django.contrib import admin

from prices.admin.widgets.labels import NONE, relative_time, truncated_percent
from prices.models import ReadCount
from prices.reads.usage import median_of
from prices.web.themed_admin import RecordAdmin, column


def _hit_rate(count: ReadCount) -> str:
    reads = count.hits + count.misses
    return f"{truncated_percent(100 * count.hits / reads)} %" if reads else NONE


def _median(count: ReadCount) -> str:
    seconds = median_of([count.timings])
    return NONE if seconds is None else f"{1000 * seconds:.2g} ms"


@admin.register(ReadCount)
class ReadCountAdmin(RecordAdmin):
    list_display = ("when", "hits", "misses", "rate", "p50")
    list_fullwidth = False
    ordering = ("-hour",)
    fields = ("hour", "hits", "misses", "rate", "p50")

    when = column("Hour", lambda count: relative_time(count.hour), "hour")
    rate = column("Hit rate", _hit_rate)
    p50 = column("p50", _median)
