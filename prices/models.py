"""What Django itself keeps: the symbols that are tracked, and a row for every run of a job."""

from __future__ import annotations

from datetime import timedelta

from django.db import models
from django.utils.timezone import now


class Tag(models.Model):
    """A word that people put on symbols, to find them again."""

    class Colour(models.TextChoices):
        GREY = "default", "grey"
        BLUE = "info", "blue"
        GREEN = "success", "green"
        ORANGE = "warning", "orange"
        RED = "danger", "red"

    name = models.CharField(max_length=32, unique=True)
    colour = models.CharField(max_length=8, choices=Colour.choices, default=Colour.GREY)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class TrackedSymbol(models.Model):
    """A symbol whose prices are kept. Deleting the row leaves its bars in the store."""

    symbol = models.CharField(max_length=32, unique=True, help_text="As Yahoo spells it.")
    market = models.CharField(max_length=16, blank=True)
    mic = models.CharField(
        "exchange", max_length=8, blank=True, help_text="MIC; empty: no known sessions."
    )
    currency = models.CharField(max_length=8, blank=True)
    timezone = models.CharField("time zone", max_length=64, blank=True)
    name = models.CharField(max_length=200, blank=True)
    instrument_type = models.CharField("type", max_length=32, blank=True)
    active = models.BooleanField(default=True, help_text="Off: served, but not synced any more.")
    added_at = models.DateTimeField(default=now)
    last_update = models.DateTimeField(
        null=True,
        blank=True,
        db_index=True,
        help_text="When the provider last answered for its history.",
    )
    last_attempt_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=500, blank=True)
    failures = models.PositiveIntegerField(default=0, help_text="In a row.")
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    last_queried_at = models.DateTimeField(null=True, blank=True)
    reads = models.PositiveBigIntegerField(default=0, help_text="How often its prices were read.")
    missing_since = models.DateField(
        null=True, blank=True, help_text="The day the provider first said that it does not exist."
    )
    missing_reason = models.CharField(max_length=500, blank=True, help_text="In whose words.")
    suspended_reason = models.CharField(
        max_length=500, blank=True, help_text="Why it was suspended; empty if a person did it."
    )

    tags = models.ManyToManyField(Tag, blank=True, related_name="symbols")

    class Meta:
        ordering = ("symbol",)

    def __str__(self) -> str:
        return self.symbol


class SymbolAlias(models.Model):
    """A symbol's former name; reads of it are answered by the symbol that bears the history."""

    symbol = models.CharField(max_length=32, unique=True)
    target = models.ForeignKey(TrackedSymbol, on_delete=models.CASCADE, related_name="aliases")
    renamed_at = models.DateTimeField(default=now)

    class Meta:
        verbose_name_plural = "symbol aliases"

    def __str__(self) -> str:
        return f"{self.symbol} → {self.target}"


class Quarantine(models.Model):
    """An answer of the provider that was not stored, or not wholly, and why.

    At most one is open a symbol and kind; the same refusal again raises `times`.
    """

    class Resolution(models.TextChoices):
        SUPERSEDED = "superseded", "a later answer was good"
        RELEASED = "released", "released by hand"

    symbol = models.CharField(max_length=32, db_index=True)
    kind = models.CharField(max_length=16, help_text="Which guard refused it.")
    reason = models.CharField(max_length=500)
    summary = models.JSONField(default=dict, blank=True, help_text="What the answer held.")
    run = models.ForeignKey("SyncRun", null=True, blank=True, on_delete=models.SET_NULL)
    first_seen = models.DateTimeField(default=now)
    last_seen = models.DateTimeField(default=now)
    times = models.PositiveIntegerField(default=1)
    resolved_at = models.DateTimeField(null=True, blank=True, db_index=True)
    resolution = models.CharField(max_length=16, choices=Resolution.choices, blank=True)

    class Meta:
        ordering = ("-last_seen",)
        verbose_name = "quarantined answer"
        verbose_name_plural = "quarantine"

    def __str__(self) -> str:
        return f"{self.symbol}: {self.reason}"


class SyncRun(models.Model):
    """One run of a job: written before the work, closed after it."""

    class State(models.TextChoices):
        WAITING = "waiting", "waiting for other parts"
        QUEUED = "queued"
        RUNNING = "running"
        SUCCEEDED = "succeeded"
        PARTIAL = "partial", "partly failed"
        FAILED = "failed"
        CANCELLED = "cancelled"

    class Kind(models.TextChoices):
        HISTORICAL_SYNC = "historical_sync", "historical sync"
        LIVE_PRICE_UPDATE = "live_price_update", "live price update"
        BACKFILL = "backfill"
        STORE_SWEEP = "store_sweep", "store sweep"
        VERIFY = "verify"

    OPEN = (State.WAITING, State.QUEUED, State.RUNNING)

    kind = models.CharField(max_length=32, choices=Kind.choices)
    state = models.CharField(max_length=16, choices=State.choices, default=State.QUEUED)
    trigger = models.CharField(max_length=150, help_text="Who or what asked for it.")
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.CASCADE, related_name="parts"
    )
    symbols = models.JSONField(
        default=list, blank=True, help_text="Those to work on; empty: all that are due."
    )
    options = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(default=now)
    started_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    worker = models.CharField(max_length=120, blank=True, help_text="Who works or worked on it.")
    attempts = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0, help_text="Symbols to work on.")
    updated = models.PositiveIntegerField(
        default=0, help_text="Symbols whose series or quote changed."
    )
    unchanged = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    bars = models.PositiveIntegerField(default=0, help_text="Bars written.")
    requests = models.PositiveIntegerField(default=0, help_text="Sent to the provider.")
    errors = models.JSONField(default=dict, blank=True, help_text="Symbol: why it failed.")
    differing = models.JSONField(
        default=list,
        blank=True,
        help_text="Symbols that a verification found to differ, and that it did not fix.",
    )
    message = models.CharField(max_length=500, blank=True)
    traceback = models.TextField(blank=True, help_text="Of what nobody foresaw.")
    cancelled_by = models.CharField(
        max_length=150, blank=True, help_text="Who wants it to stop; what is done stays done."
    )

    class Meta:
        ordering = ("-id",)
        indexes = (
            models.Index(fields=("state", "heartbeat_at")),
            models.Index(fields=("kind", "-id")),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display().capitalize()} #{self.pk}"

    @property
    def is_open(self) -> bool:
        return self.state in self.OPEN

    @property
    def duration(self) -> timedelta | None:
        """From the start of the work to its end."""
        if self.started_at is None or self.finished_at is None:
            return None
        return self.finished_at - self.started_at


class PausedJob(models.Model):
    """A scheduled job that a person holds back until it is resumed."""

    job = models.CharField(max_length=100, unique=True)
    paused_by = models.CharField(max_length=150)
    paused_at = models.DateTimeField(default=now)

    def __str__(self) -> str:
        return f"{self.job}, paused by {self.paused_by}"


class Attempt(models.Model):
    """What one run brought for one symbol; it goes with its run."""

    symbol = models.ForeignKey(
        TrackedSymbol, on_delete=models.CASCADE, related_name="attempts", db_index=False
    )
    run = models.ForeignKey(SyncRun, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField()
    result = models.CharField(max_length=16)
    bars = models.PositiveIntegerField(default=0, help_text="Bars written.")
    since = models.DateField(
        null=True, help_text="The first day that the provider answered for; null: it did not."
    )
    error = models.CharField(max_length=500, blank=True)

    class Meta:
        indexes = (models.Index(fields=("symbol", "-id")),)

    def __str__(self) -> str:
        return f"{self.symbol_id} in run {self.run_id}: {self.result}"


class ReadCount(models.Model):
    """Reads of one hour, by whether the cache had prices for them."""

    hour = models.DateTimeField(unique=True)
    hits = models.PositiveBigIntegerField(default=0)
    misses = models.PositiveBigIntegerField(default=0)
    timings = models.JSONField(default=dict, help_text="How many reads took how long: usage.py.")

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H} h: {self.hits} hits, {self.misses} misses"
