"""Serializers that validate requests, and those that only describe responses in the schema."""

from datetime import date
from typing import Any

from django.utils import timezone
from rest_framework import serializers

from prices.domain.actions import Adjust
from prices.domain.answers import CorrectionReason
from prices.domain.markets import MARKETS
from prices.models import SyncRun
from prices.web.serializers import StrictSerializer, TextField

_ADJUST_HELP = (
    "splits: adjusted for splits (as stored) · all: adjusted for dividends too · "
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
            raise serializers.ValidationError({"start": f"{start} is after the end, {end}."})
        if start and "days" in attrs:
            raise serializers.ValidationError({"days": "Use either days or start, not both."})
        return attrs


class WaitQuery(StrictSerializer):
    wait = serializers.FloatField(
        required=False,
        default=0,
        min_value=0,
        max_value=300,
        help_text="Seconds to wait for the result. If too many requests wait already, the answer "
        "is 202 at once, with a `notice`.",
    )


class SymbolsBody(StrictSerializer):
    symbols = serializers.ListField(
        child=TextField(max_length=32),
        required=False,
        allow_empty=False,
        max_length=10_000,
        help_text="Default: all symbols that are due (refresh-live: all symbols).",
    )


class BackfillBody(StrictSerializer):
    symbol = TextField(max_length=40, help_text="In Yahoo's spelling, or without its suffix.")
    market = TextField(required=False, default="", allow_blank=True)
    start = serializers.DateField(
        required=False, help_text="First date to fetch. Default: the whole history."
    )

    def validate_start(self, start: date) -> date:
        if start > timezone.now().date():
            raise serializers.ValidationError(f"{start} is in the future.")
        return start


class QuarantineQuery(StrictSerializer):
    symbol = serializers.CharField(required=False, max_length=40, help_text="Default: all.")
    resolved = serializers.BooleanField(
        required=False, default=False, help_text="Also entries that are resolved."
    )


class DecisionBody(StrictSerializer):
    symbol = serializers.CharField(max_length=40)
    entries = serializers.ListField(
        child=serializers.IntegerField(),
        required=False,
        allow_empty=False,
        help_text="Ids of entries. Default: all open ones of the symbol.",
    )
    sessions = serializers.ListField(
        child=serializers.DateField(),
        required=False,
        allow_empty=False,
        help_text="Only the differences of these sessions.",
    )


class EmptyBody(StrictSerializer):
    pass


class CorrectionsQuery(StrictSerializer):
    since = serializers.DateField(required=False, help_text="First session to list corrections of.")
    limit = serializers.IntegerField(required=False, default=1_000, min_value=1, max_value=10_000)


class RunSerializer(serializers.ModelSerializer[SyncRun]):
    id = serializers.IntegerField(source="pk")
    url = serializers.SerializerMethodField(help_text="Where to read its progress.")
    duration = serializers.SerializerMethodField(help_text="Seconds; null until the run ended.")

    class Meta:
        model = SyncRun
        fields = (
            *("id", "url", "kind", "state", "trigger", "created_at", "started_at", "finished_at"),
            *("duration", "total", "updated", "unchanged", "failed", "bars", "requests"),
            *("errors", "message"),
        )

    def get_url(self, run: SyncRun) -> str:
        return f"/cache/runs/{run.pk}"

    def get_duration(self, run: SyncRun) -> float | None:
        return round(run.duration.total_seconds(), 3) if run.duration is not None else None


class QueuedRunSerializer(RunSerializer):
    notice = serializers.CharField(
        required=False, help_text="Why the result was not waited for, although `wait` asked for it."
    )

    class Meta(RunSerializer.Meta):
        fields = (*RunSerializer.Meta.fields, "notice")  # type: ignore[assignment]  # longer


class PricesOut(serializers.Serializer[Any]):
    open = serializers.FloatField()
    high = serializers.FloatField()
    low = serializers.FloatField()
    close = serializers.FloatField()
    volume = serializers.IntegerField()


class BarOut(PricesOut):
    date = serializers.DateField()


class QuoteOut(serializers.Serializer[Any]):
    price = serializers.FloatField()
    currency = serializers.CharField()
    market_time = serializers.DateTimeField()
    market_state = serializers.CharField()
    previous_close = serializers.FloatField(allow_null=True)
    fetched_at = serializers.DateTimeField()


class CoverageOut(serializers.Serializer[Any]):
    percent = serializers.FloatField(
        allow_null=True, help_text="Null if the exchange's sessions are not known."
    )
    expected = serializers.IntegerField(allow_null=True)
    present = serializers.IntegerField()
    missing = serializers.ListField(child=serializers.DateField(), help_text="The first 100.")


class _CurrencyOut(serializers.Serializer[Any]):
    currency = serializers.CharField(help_text="Unit of the prices, as in USD or GBp.")
    major_currency = serializers.CharField(help_text="The currency of the unit: GBP for GBp.")
    units_per_major = serializers.IntegerField(
        help_text="Units in one of the major currency: 100 for GBp."
    )


class DatesOut(serializers.Serializer[Any]):
    start = serializers.DateField(help_text="First date, inclusive.")
    end = serializers.DateField(help_text="Last date, inclusive.")


class HistoryOut(_CurrencyOut):
    symbol = serializers.CharField(help_text="Its current name.")
    renamed_from = serializers.CharField(
        allow_null=True, help_text="The requested name, if it is a former one."
    )
    name = serializers.CharField()
    interval = serializers.CharField()
    adjust = serializers.ChoiceField(choices=[a.value for a in Adjust])
    source = serializers.CharField()  # type: ignore[assignment]  # a field of the answer
    start = serializers.DateField(allow_null=True)
    end = serializers.DateField(allow_null=True)
    count = serializers.IntegerField()
    as_of = serializers.DateTimeField(
        allow_null=True, help_text="When the source last confirmed the bars."
    )
    stale = serializers.BooleanField()
    stale_reason = serializers.CharField(allow_null=True)
    coverage = CoverageOut()
    normalised = DatesOut(
        many=True,
        help_text="Sessions whose open, high or low the provider gave impossibly; they were "
        "changed to fit the close.",
    )
    unconfirmed = serializers.ListField(
        child=serializers.DateField(),
        help_text="Recent sessions that moved like a split which the provider does not report.",
    )
    held_back = serializers.ListField(
        child=serializers.DateField(),
        help_text="The first 100 sessions whose suspicious bars wait for a person's decision.",
    )
    quote = QuoteOut(allow_null=True)
    data = BarOut(many=True)  # type: ignore[assignment]


class SplitOut(serializers.Serializer[Any]):
    date = serializers.DateField(help_text="First session after the split.")
    numerator = serializers.FloatField(help_text="New shares …")
    denominator = serializers.FloatField(help_text="… for this many old ones.")
    ratio = serializers.FloatField()


class DividendOut(serializers.Serializer[Any]):
    date = serializers.DateField(help_text="The ex-date.")
    amount = serializers.FloatField(help_text="Per share, adjusted for splits.")
    currency = serializers.CharField(
        help_text="Unit of the amount. One in another unit than the prices does not adjust them."
    )
    converted_from = serializers.CharField(
        allow_null=True, help_text="The unit in which the provider reports it, if another one."
    )
    suspicious = serializers.CharField(
        allow_null=True,
        help_text="Why a person has to decide about the amount, which does not adjust prices.",
    )


class CapitalGainOut(serializers.Serializer[Any]):
    date = serializers.DateField(help_text="The ex-date.")
    amount = serializers.FloatField(help_text="Per share, adjusted for splits.")
    in_dividend = serializers.BooleanField(help_text="Whether the day's dividend contains it.")


class ActionsOut(_CurrencyOut):
    symbol = serializers.CharField()
    splits = SplitOut(many=True)
    dividends = DividendOut(many=True)
    capital_gains = CapitalGainOut(many=True)


class CorrectionOut(serializers.Serializer[Any]):
    date = serializers.DateField(help_text="The session of the bar.")
    field = serializers.CharField(
        help_text="open, high, low, close, volume; dividend, capital gain; adjustment (what a day "
        "takes off earlier prices); split, bars or unit for many bars."
    )
    old = serializers.JSONField(
        allow_null=True, help_text="A number, a unit's name, or null if there was none."
    )
    new = serializers.JSONField(allow_null=True)
    reason = serializers.ChoiceField(choices=[why.value for why in CorrectionReason])
    seen_at = serializers.DateTimeField()
    run = serializers.IntegerField(allow_null=True)


class HandFilledOut(serializers.Serializer[Any]):
    date = serializers.DateField(help_text="The session of the bar.")
    by = serializers.CharField(help_text="The user who entered it.")
    at = serializers.DateTimeField()
    note = serializers.CharField(help_text="The source that the user gave.")
    offered = PricesOut(
        allow_null=True, help_text="What the provider returns for the session, if it differs."
    )
    offered_at = serializers.DateTimeField(allow_null=True)


class CorrectionsOut(serializers.Serializer[Any]):
    symbol = serializers.CharField()
    count = serializers.IntegerField()
    corrections = CorrectionOut(many=True)
    by_hand = HandFilledOut(many=True, help_text="Manual bars, which no sync changes.")


class DifferenceOut(serializers.Serializer[Any]):
    date = serializers.DateField()
    field = serializers.CharField(help_text="close or dividend.")
    stored = serializers.FloatField(allow_null=True)
    provider = serializers.FloatField()


class QuarantineOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    symbol = serializers.CharField()
    kind = serializers.CharField(help_text="The guard that refused the answer or a part of it.")
    reason = serializers.CharField()
    first_seen = serializers.DateTimeField()
    last_seen = serializers.DateTimeField()
    times = serializers.IntegerField()
    differences = DifferenceOut(many=True, help_text="The first 100; none: the whole answer.")
    resolved_at = serializers.DateTimeField(allow_null=True)
    resolution = serializers.CharField(allow_null=True)
    decided_by = serializers.CharField(allow_null=True)


class QuarantineListOut(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    entries = QuarantineOut(many=True)


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
    error_rate_24h = serializers.FloatField(
        allow_null=True, help_text="0 to 1; null if nothing ran."
    )


class VerifyOut(serializers.Serializer[Any]):
    finished_at = serializers.DateTimeField(help_text="End of the latest verification.")
    checked = serializers.IntegerField(help_text="Symbols compared with the provider.")
    differing = serializers.IntegerField()
    fixed = serializers.IntegerField(help_text="Symbols that differed and were repaired.")
    failed = serializers.IntegerField(help_text="Symbols that could not be compared.")
    unfixed = serializers.ListField(
        child=serializers.CharField(), help_text="Symbols that still differ."
    )


class StatusOut(serializers.Serializer[Any]):
    version = serializers.CharField(help_text="The version of the price cache.")
    status = serializers.ChoiceField(choices=["healthy", "degraded", "unhealthy"])
    reasons = serializers.ListField(child=serializers.CharField())
    live_cache = LiveCacheOut(allow_null=True)
    historical_data = HistoricalDataOut(allow_null=True)
    hit_rate = serializers.FloatField(allow_null=True, help_text="0 to 1, of the last 24 hours.")
    sync = SyncOut()
    verify = VerifyOut(allow_null=True, help_text="Null before the first verification.")


class JobOut(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.CharField()
    trigger = serializers.CharField()
    next_run = serializers.DateTimeField(allow_null=True, help_text="Null if paused.")
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
