"""What the API takes and gives, for checking input and for the schema; bars bypass it."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.utils import timezone
from rest_framework import serializers

from prices.domain.actions import Adjust
from prices.domain.markets import MARKETS
from prices.models import SyncRun
from prices.web.serializers import StrictSerializer

_ADJUST_HELP = (
    "splits: prices of today's shares (as stored) · all: dividends taken out too · "
    "none: as traded on the day"
)


class HistoryQuery(StrictSerializer):
    days = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=50_000,
        help_text="Calendar days up to `end` or today.",
    )
    start = serializers.DateField(required=False, help_text="First date, inclusive.")
    end = serializers.DateField(required=False, help_text="Last date, inclusive.")
    adjust = serializers.ChoiceField(
        choices=[a.value for a in Adjust], default=Adjust.SPLITS.value, help_text=_ADJUST_HELP
    )
    market = serializers.CharField(
        required=False, default="", help_text=f"For a symbol without suffix: {', '.join(MARKETS)}."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        start, end = attrs.get("start"), attrs.get("end")
        if start and end and start > end:
            raise serializers.ValidationError({"start": f"{start} lies after the end, {end}."})
        if start and "days" in attrs:
            raise serializers.ValidationError({"days": "Give days or start, not both."})
        return attrs


class WaitQuery(StrictSerializer):
    wait = serializers.FloatField(
        required=False,
        default=0,
        min_value=0,
        max_value=300,
        help_text="Seconds to wait for the result.",
    )


class SymbolsBody(StrictSerializer):
    symbols = serializers.ListField(
        child=serializers.CharField(max_length=32),
        required=False,
        allow_empty=False,
        max_length=10_000,
        help_text="Those to work on; without it, all that are due (refresh-live: all).",
    )


class BackfillBody(StrictSerializer):
    symbol = serializers.CharField(
        max_length=40, help_text="As Yahoo spells it, or without suffix."
    )
    market = serializers.CharField(required=False, default="", allow_blank=True)
    start = serializers.DateField(
        required=False, help_text="Fetch from here; default: all there is."
    )

    def validate_start(self, start: date) -> date:
        if start > timezone.now().date():
            raise serializers.ValidationError(f"{start} lies in the future.")
        return start


class EmptyBody(StrictSerializer):
    pass


class CorrectionsQuery(StrictSerializer):
    since = serializers.DateField(required=False, help_text="Of sessions from then on.")
    limit = serializers.IntegerField(required=False, default=1_000, min_value=1, max_value=10_000)


class RunSerializer(serializers.ModelSerializer[SyncRun]):
    id = serializers.IntegerField(source="pk")
    url = serializers.SerializerMethodField(help_text="Where to follow it.")
    duration = serializers.SerializerMethodField(help_text="Seconds of work; null until it ended.")

    class Meta:
        model = SyncRun
        fields = (
            "id",
            "url",
            "kind",
            "state",
            "trigger",
            "created_at",
            "started_at",
            "finished_at",
            "duration",
            "total",
            "updated",
            "unchanged",
            "failed",
            "bars",
            "requests",
            "errors",
            "message",
        )

    def get_url(self, run: SyncRun) -> str:
        return f"/cache/runs/{run.pk}"

    def get_duration(self, run: SyncRun) -> float | None:
        return round(run.duration.total_seconds(), 3) if run.duration is not None else None


class BarOut(serializers.Serializer[Any]):
    date = serializers.DateField()
    open = serializers.FloatField()
    high = serializers.FloatField()
    low = serializers.FloatField()
    close = serializers.FloatField()
    volume = serializers.IntegerField()


class QuoteOut(serializers.Serializer[Any]):
    price = serializers.FloatField()
    currency = serializers.CharField()
    market_time = serializers.DateTimeField()
    market_state = serializers.CharField()
    previous_close = serializers.FloatField(allow_null=True)
    fetched_at = serializers.DateTimeField()


class CoverageOut(serializers.Serializer[Any]):
    percent = serializers.FloatField(allow_null=True, help_text="Null: sessions are not known.")
    expected = serializers.IntegerField(allow_null=True)
    present = serializers.IntegerField()
    missing = serializers.ListField(child=serializers.DateField(), help_text="At most 100.")


class _CurrencyOut(serializers.Serializer[Any]):
    currency = serializers.CharField(help_text="Unit of the prices, as in USD or GBp.")
    major_currency = serializers.CharField(help_text="What the unit belongs to: GBP for GBp.")
    units_per_major = serializers.IntegerField(help_text="How many units make one: 100 for GBp.")


class HistoryOut(_CurrencyOut):
    symbol = serializers.CharField(help_text="Its name of today.")
    renamed_from = serializers.CharField(
        allow_null=True, help_text="The former name that was asked for, if it was one."
    )
    name = serializers.CharField()
    interval = serializers.CharField()
    adjust = serializers.ChoiceField(choices=[a.value for a in Adjust])
    source = serializers.CharField()  # type: ignore[assignment]  # a field of the answer
    start = serializers.DateField(allow_null=True)
    end = serializers.DateField(allow_null=True)
    count = serializers.IntegerField()
    as_of = serializers.DateTimeField(
        allow_null=True, help_text="When the source last confirmed it."
    )
    stale = serializers.BooleanField()
    stale_reason = serializers.CharField(allow_null=True)
    coverage = CoverageOut()
    quote = QuoteOut(allow_null=True)
    data = BarOut(many=True)  # type: ignore[assignment]


class SplitOut(serializers.Serializer[Any]):
    date = serializers.DateField(help_text="First session with the new shares.")
    numerator = serializers.FloatField(help_text="So many new shares …")
    denominator = serializers.FloatField(help_text="… for so many old ones.")
    ratio = serializers.FloatField()


class DividendOut(serializers.Serializer[Any]):
    date = serializers.DateField(help_text="The ex-date.")
    amount = serializers.FloatField(help_text="For one of today's shares.")


class ActionsOut(_CurrencyOut):
    symbol = serializers.CharField()
    splits = SplitOut(many=True)
    dividends = DividendOut(many=True)


class LiveCacheOut(serializers.Serializer[Any]):
    total_symbols = serializers.IntegerField()
    markets = serializers.DictField(child=serializers.IntegerField())
    oldest_update = serializers.DateTimeField(allow_null=True)
    newest_update = serializers.DateTimeField(allow_null=True)


class HistoricalDataOut(serializers.Serializer[Any]):
    symbols = serializers.IntegerField()
    symbols_with_history = serializers.IntegerField()
    oldest_data = serializers.DateField(allow_null=True)
    newest_data = serializers.DateField(allow_null=True)
    coverage_percent = serializers.FloatField(allow_null=True)
    lagging = serializers.IntegerField()
    failing = serializers.IntegerField()
    stale = serializers.IntegerField()
    quarantined = serializers.IntegerField(help_text="Symbols with an answer in quarantine.")


class SyncOut(serializers.Serializer[Any]):
    last_run = RunSerializer(allow_null=True)
    error_rate_24h = serializers.FloatField(allow_null=True, help_text="0 to 1; null: nothing ran.")


class VerifyOut(serializers.Serializer[Any]):
    finished_at = serializers.DateTimeField(help_text="Of the latest verification.")
    checked = serializers.IntegerField(help_text="Symbols compared with the provider.")
    differing = serializers.IntegerField()
    fixed = serializers.IntegerField(help_text="Of those that differed.")
    failed = serializers.IntegerField(help_text="Symbols that could not be compared.")
    unfixed = serializers.ListField(
        child=serializers.CharField(), help_text="Symbols that still differ, whenever it was found."
    )


class StatusOut(serializers.Serializer[Any]):
    version = serializers.CharField(help_text="The version of the price cache.")
    status = serializers.ChoiceField(choices=["healthy", "degraded", "unhealthy"])
    reasons = serializers.ListField(child=serializers.CharField())
    live_cache = LiveCacheOut(allow_null=True)
    historical_data = HistoricalDataOut(allow_null=True)
    hit_rate = serializers.FloatField(allow_null=True, help_text="0 to 1, of the last day's reads.")
    sync = SyncOut()
    verify = VerifyOut(allow_null=True, help_text="Null: nothing was verified yet.")


class JobOut(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.CharField()
    trigger = serializers.CharField()
    next_run = serializers.DateTimeField(allow_null=True, help_text="null: paused.")
    paused = serializers.BooleanField()
    paused_by = serializers.CharField(allow_null=True)
    paused_at = serializers.DateTimeField(allow_null=True)
    last_run = serializers.DateTimeField(allow_null=True)
    last_status = serializers.CharField(allow_null=True)
    last_duration = serializers.FloatField(allow_null=True)


class SchedulerOut(serializers.Serializer[Any]):
    scheduler_running = serializers.BooleanField()
    canary_at = serializers.DateTimeField(allow_null=True)
    workers = serializers.IntegerField()
    queue_depth = serializers.IntegerField()
    in_work = serializers.IntegerField()
    jobs = JobOut(many=True)
