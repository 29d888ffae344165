"""Stored portfolios and their transactions. Holdings and values are computed from them.

What belongs to another user is reported exactly as if it did not exist.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import connection, models
from django.http import Http404
from django.utils.timezone import now

from portfolio.domain.entries import FIELDS, MAX_NOTE_LENGTH, Entry, EntryKind, by_symbol
from prices.models import SymbolAlias

_MAX_ROWS_WITH_KEYS = 100


class Portfolio(models.Model):
    """A user's holdings, valued in one currency."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="portfolios"
    )
    name = models.CharField(max_length=100)
    base_currency = models.CharField(max_length=3, help_text="Currency that it is valued in.")
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
    """One booked entry. Quantity and price are as traded; all money is in `currency`."""

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
    note = models.CharField(max_length=MAX_NOTE_LENGTH, blank=True)
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


def find_portfolio(owner_id: int | None, portfolio_id: int) -> Portfolio:
    """Returns the owner's portfolio.

    :raises Http404: there is none, or it belongs to another user.
    """
    portfolio = Portfolio.objects.filter(owner=owner_id, pk=portfolio_id).first()
    if portfolio is None:
        raise Http404("You have no portfolio with this number. Choose one from your list.")
    return portfolio


def find_transaction(owner_id: int | None, portfolio_id: int, transaction_id: int) -> Transaction:
    """Returns a transaction of the owner's portfolio.

    :raises Http404: there is none, or the portfolio belongs to another user.
    """
    row = find_portfolio(owner_id, portfolio_id).transactions.filter(pk=transaction_id).first()
    if row is None:
        raise Http404("This portfolio has no such transaction. It may have been deleted.")
    return row


def stored_entries(rows: models.QuerySet[Transaction]) -> list[Entry]:
    """Returns rows as entries by date, in the order of booking, under their current symbols."""
    return entries_of(stored_values(rows))


def prepare_insert(rows: Sequence[Transaction]) -> Callable[[], object]:
    """Returns a function that inserts rows. Of many it does not set the keys.

    Django's `bulk_create` computes most of the time, inside the transaction: for 20,000 rows ten
    times as long as the database takes.
    """
    if len(rows) <= _MAX_ROWS_WITH_KEYS:
        return lambda: Transaction.objects.bulk_create(rows)
    fields = [field for field in Transaction._meta.concrete_fields if not field.primary_key]
    columns = ", ".join(connection.ops.quote_name(str(field.column)) for field in fields)
    marks = ", ".join(["%s"] * len(fields))
    table = connection.ops.quote_name(Transaction._meta.db_table)
    statement = f"INSERT INTO {table} ({columns}) VALUES ({marks})"  # noqa: S608  # no user's text
    values = [
        [field.get_db_prep_save(getattr(row, field.attname), connection) for field in fields]
        for row in rows
    ]

    def insert() -> None:
        with connection.cursor() as cursor:
            cursor.executemany(statement, values)

    return insert


def stored_values(rows: models.QuerySet[Transaction]) -> list[tuple[Any, ...]]:
    """Returns the fields of rows by date, in the order of booking; one query."""
    return list(rows.order_by("date", "pk").values_list(*FIELDS))


def entries_of(values: Sequence[tuple[Any, ...]]) -> list[Entry]:
    """Returns `stored_values` as entries under their current symbols."""
    return with_current_symbols([Entry(EntryKind(kind), *rest) for kind, *rest in values])


def with_current_symbols(entries: Sequence[Entry]) -> list[Entry]:
    """Returns the entries with former symbols replaced; unchanged entries are the same objects."""
    aliases = SymbolAlias.objects.filter(symbol__in=by_symbol(entries))
    current = dict(aliases.values_list("symbol", "target__symbol"))
    return [
        replace(entry, symbol=current[entry.symbol]) if entry.symbol in current else entry
        for entry in entries
    ]
