"""Django's tables: tracked symbols, runs of jobs, quarantined answers and counts of reads."""

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.utils.timezone import now


class Installation(models.Model):
    """The identity of the system with this database, which MongoDB's owner is compared with.

    There is one row.
    """

    identity = models.CharField(max_length=32)

    def __str__(self) -> str:
        return self.identity


class Tag(models.Model):
    """A label that users put on symbols to filter by."""

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
    """A symbol whose prices are kept up to date. Deleting the row leaves its bars in the store."""

    symbol = models.CharField(max_length=32, unique=True, help_text="As Yahoo spells it.")
    market = models.CharField(max_length=16, blank=True)
    mic = models.CharField(
        "exchange", max_length=8, blank=True, help_text="MIC. Empty if its sessions are unknown."
    )
    currency = models.CharField(max_length=8, blank=True)
    timezone = models.CharField("time zone", max_length=64, blank=True)
    name = models.CharField(max_length=200, blank=True)
    instrument_type = models.CharField("type", max_length=32, blank=True)
    active = models.BooleanField(
        default=True, help_text="If off, stored prices are served but not synced."
    )
    added_at = models.DateTimeField(default=now)
    last_update = models.DateTimeField(
        null=True,
        blank=True,
        db_index=True,
        help_text="When the provider last answered a request for its history.",
    )
    last_attempt_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=500, blank=True)
    failures = models.PositiveIntegerField(default=0, help_text="Failed fetches in a row.")
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    last_queried_at = models.DateTimeField(null=True, blank=True)
    reads = models.PositiveBigIntegerField(default=0, help_text="How often its prices were read.")
    missing_since = models.DateField(
        null=True,
        blank=True,
        help_text="The day on which the provider first reported it as unknown.",
    )
    missing_reason = models.CharField(
        max_length=500, blank=True, help_text="How the provider reported it."
    )
    suspended_reason = models.CharField(
        max_length=500, blank=True, help_text="Why the system suspended it. Empty if a user did."
    )

    quote_error = models.CharField(
        max_length=500,
        blank=True,
        db_default="",
        help_text="Why its quote could not be had. It is requested alone until it is answered.",
    )
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="Who asked for it. Empty if a command or the system did.",
    )
    on_its_own = models.BooleanField(
        default=True,
        db_default=True,
        help_text="Whether somebody tracked it by itself. Otherwise a portfolio needs it, and it "
        "is dropped once none does and the provider never had a price of it.",
    )

    tags = models.ManyToManyField(Tag, blank=True, related_name="symbols")

    class Meta:
        ordering = ("symbol",)

    def __str__(self) -> str:
        return self.symbol

    @property
    def is_newcomer(self) -> bool:
        """Whether the provider has never answered for it. Such symbols prove nothing."""
        return self.last_update is None


class SymbolAlias(models.Model):
    """A former name of a symbol. Reads of it return the history of `target`."""

    symbol = models.CharField(max_length=32, unique=True)
    target = models.ForeignKey(TrackedSymbol, on_delete=models.CASCADE, related_name="aliases")
    renamed_at = models.DateTimeField(default=now)

    class Meta:
        verbose_name_plural = "symbol aliases"

    def __str__(self) -> str:
        return f"{self.symbol} → {self.target}"


class Quarantine(models.Model):
    """An answer of the provider that was not stored, or not completely, and why.

    At most one row per symbol and kind is open. The same refusal again increments `times`.
    """

    class Resolution(models.TextChoices):
        SUPERSEDED = "superseded", "a later answer was good"
        RELEASED = "released", "released by hand"
        KEPT = "kept", "the stored values were kept by hand"

    symbol = models.CharField(max_length=32, db_index=True)
    kind = models.CharField(max_length=16, help_text="The guard that refused it.")
    reason = models.CharField(max_length=500)
    summary = models.JSONField(default=dict, blank=True, help_text="What the answer contained.")
    run = models.ForeignKey("SyncRun", null=True, blank=True, on_delete=models.SET_NULL)
    first_seen = models.DateTimeField(default=now)
    last_seen = models.DateTimeField(default=now)
    times = models.PositiveIntegerField(default=1)
    resolved_at = models.DateTimeField(null=True, blank=True, db_index=True)
    resolution = models.CharField(max_length=16, choices=Resolution.choices, blank=True)
    decided_by = models.CharField(max_length=150, blank=True, help_text="Who decided last.")

    class Meta:
        ordering = ("-last_seen",)
        verbose_name = "quarantined answer"
        verbose_name_plural = "quarantine"

    def __str__(self) -> str:
        return f"{self.symbol}: {self.reason}"


class SyncRun(models.Model):
    """One run of a job. The row is created before the work and closed after it."""

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
    trigger = models.CharField(max_length=150, help_text="Who or what requested it.")
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.CASCADE, related_name="parts"
    )
    symbols = models.JSONField(
        default=list, blank=True, help_text="The symbols to work on. Empty for all that are due."
    )
    options = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(default=now)
    started_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    worker = models.CharField(
        max_length=120, blank=True, help_text="The worker that runs or ran it."
    )
    attempts = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0, help_text="Symbols to work on.")
    updated = models.PositiveIntegerField(
        default=0, help_text="Symbols whose series or quote changed."
    )
    unchanged = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    bars = models.PositiveIntegerField(default=0, help_text="Bars written.")
    failed_new = models.PositiveIntegerField(
        default=0, db_default=0, help_text="Failed symbols that the provider never answered for."
    )
    requests = models.PositiveIntegerField(default=0, help_text="Requests sent to the provider.")
    errors = models.JSONField(default=dict, blank=True, help_text="Failed symbols and the reasons.")
    differing = models.JSONField(
        default=list,
        blank=True,
        help_text="Symbols that a verification found to differ and did not fix.",
    )
    message = models.CharField(max_length=500, blank=True)
    traceback = models.TextField(blank=True, help_text="The traceback of an unexpected error.")
    cancelled_by = models.CharField(
        max_length=150, blank=True, help_text="Who cancelled it. Finished work is kept."
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
        """The time from the start of the work to its end. None if it has not ended."""
        if self.started_at is None or self.finished_at is None:
            return None
        return self.finished_at - self.started_at


class PausedJob(models.Model):
    """A scheduled job that a user has paused. Resuming it deletes the row."""

    job = models.CharField(max_length=100, unique=True)
    paused_by = models.CharField(max_length=150)
    paused_at = models.DateTimeField(default=now)

    def __str__(self) -> str:
        return f"{self.job}, paused by {self.paused_by}"


class CalendarOverride(models.Model):
    """A day that a person declared to be a session or a holiday of an exchange."""

    class Kind(models.TextChoices):
        SESSION = "session", "session"
        HOLIDAY = "holiday", "holiday"

    mic = models.CharField(
        "exchange", max_length=8, help_text="Its MIC, as in XBOM for NSE and BSE in India."
    )
    date = models.DateField(help_text="The day at the exchange.")
    kind = models.CharField(
        max_length=8,
        choices=Kind.choices,
        help_text="A session is expected to have a bar. A holiday is never a gap.",
    )
    note = models.CharField("why", max_length=200, help_text="Where you read it.")
    declared_by = models.CharField(max_length=150)
    declared_at = models.DateTimeField(default=now)

    class Meta:
        ordering = ("-date", "mic")
        constraints = (
            models.UniqueConstraint(
                fields=("mic", "date"),
                name="one_override_a_day",
                violation_error_message="This day of the exchange is already declared. Change "
                "that entry instead.",
            ),
        )

    def __str__(self) -> str:
        return f"{self.mic}: {self.date} is a {self.kind}"


class Attempt(models.Model):
    """The result of one run for one symbol. It is deleted with its run."""

    symbol = models.ForeignKey(
        TrackedSymbol, on_delete=models.CASCADE, related_name="attempts", db_index=False
    )
    run = models.ForeignKey(SyncRun, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField()
    result = models.CharField(max_length=16)
    bars = models.PositiveIntegerField(default=0, help_text="Bars written.")
    since = models.DateField(
        null=True, help_text="The first day of the provider's answer. Null if there was none."
    )
    error = models.CharField(max_length=500, blank=True)

    class Meta:
        indexes = (models.Index(fields=("symbol", "-id")),)

    def __str__(self) -> str:
        return f"{self.symbol_id} in run {self.run_id}: {self.result}"


class ReadCount(models.Model):
    """Counts of the reads in one hour, by whether the cache had prices for them."""

    hour = models.DateTimeField(unique=True)
    hits = models.PositiveBigIntegerField(default=0)
    misses = models.PositiveBigIntegerField(default=0)
    timings = models.JSONField(
        default=dict, help_text="Counts of reads by duration, as in usage.py."
    )

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H} h: {self.hits} hits, {self.misses} misses"
