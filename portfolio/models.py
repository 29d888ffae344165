"""What is kept of a portfolio: its transactions. What is held, and its worth, follows from them."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.utils.timezone import now

from portfolio.domain.entries import FIELDS, MOST_NOTE, Entry, EntryKind


class Portfolio(models.Model):
    """Somebody's holdings, counted in one currency."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="portfolios"
    )
    name = models.CharField(max_length=100)
    base_currency = models.CharField(max_length=3, help_text="What its worth is counted in.")
    benchmark = models.CharField(
        max_length=32, blank=True, help_text="A symbol to compare it with, such as ^GSPC."
    )
    created_at = models.DateTimeField(default=now)

    class Meta:
        ordering = ("name", "pk")
        constraints = (
            models.UniqueConstraint(fields=("owner", "name"), name="portfolio_name_of_owner"),
        )

    def __str__(self) -> str:
        return self.name


class Transaction(models.Model):
    """One booking. Quantity and price are as traded; all money is in `currency`."""

    portfolio = models.ForeignKey(Portfolio, on_delete=models.CASCADE, related_name="transactions")
    kind = models.CharField(max_length=10, choices=[(kind.value, kind.value) for kind in EntryKind])
    date = models.DateField()
    symbol = models.CharField(max_length=32, blank=True)
    quantity = models.DecimalField(
        max_digits=20, decimal_places=8, null=True, blank=True, help_text="Of a buy or sell."
    )
    price = models.DecimalField(
        max_digits=20, decimal_places=8, null=True, blank=True, help_text="Of one share."
    )
    amount = models.DecimalField(
        max_digits=20, decimal_places=8, null=True, blank=True, help_text="Of all other kinds."
    )
    currency = models.CharField(max_length=3)
    fees = models.DecimalField(
        max_digits=20, decimal_places=8, default=0, validators=[MinValueValidator(0)]
    )
    note = models.CharField(max_length=MOST_NOTE, blank=True)
    created_at = models.DateTimeField(default=now)

    class Meta:
        ordering = ("-date", "-pk")
        indexes = (models.Index(fields=("portfolio", "date")),)

    def __str__(self) -> str:
        return str(self.entry)

    @property
    def entry(self) -> Entry:
        fields = {name: getattr(self, name) for name in FIELDS}
        return Entry(**{**fields, "kind": EntryKind(self.kind)})
