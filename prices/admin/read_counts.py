"""How often the cache was read, hour by hour, and how fast it answered."""

from __future__ import annotations

from django.contrib import admin
from django.utils import timezone
from django.utils.safestring import SafeString

from prices.admin.widgets.labels import NONE, floored, moment
from prices.models import ReadCount
from prices.reads.usage import median_of
from prices.web.themed_admin import ReadOnly, ThemedAdmin


@admin.register(ReadCount)
class ReadCountAdmin(ReadOnly, ThemedAdmin[ReadCount]):
    list_display = ("when", "hits", "misses", "rate", "p50")
    ordering = ("-hour",)
    list_per_page = 50
    show_full_result_count = False
    actions = None
    fields = ("hour", "hits", "misses", "rate", "p50")

    @admin.display(description="Hour", ordering="hour")
    def when(self, count: ReadCount) -> SafeString:
        return moment(count.hour, timezone.now())

    @admin.display(description="Hit rate")
    def rate(self, count: ReadCount) -> object:
        reads = count.hits + count.misses
        return f"{floored(100 * count.hits / reads)} %" if reads else NONE

    @admin.display(description="p50")
    def p50(self, count: ReadCount) -> object:
        seconds = median_of([count.timings])
        return NONE if seconds is None else f"{1000 * seconds:.2g} ms"
