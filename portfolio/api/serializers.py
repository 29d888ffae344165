"""What the portfolio's API takes, for checking input and for the schema."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from portfolio.domain.chart_ranges import ChartInterval, ChartRange
from portfolio.domain.entries import MOST_NOTE, EntryKind
from prices.web.serializers import StrictSerializer

_KINDS = [kind.value for kind in EntryKind]


class PortfolioBody(StrictSerializer):
    name = serializers.CharField(max_length=100)
    base_currency = serializers.CharField(max_length=3, help_text="Such as EUR.")
    benchmark = serializers.CharField(
        max_length=32,
        required=False,
        allow_blank=True,
        help_text="A symbol to compare with, such as ^GSPC; it is tracked.",
    )


def _decimal(about: str) -> serializers.DecimalField:
    return serializers.DecimalField(
        max_digits=20, decimal_places=8, required=False, allow_null=True, help_text=about
    )


class TransactionBody(StrictSerializer):
    kind = serializers.CharField(max_length=12, help_text=", ".join(_KINDS))
    date = serializers.DateField()
    symbol = serializers.CharField(
        max_length=40, required=False, allow_blank=True, help_text="Of a buy, sell or dividend."
    )
    market = serializers.CharField(
        max_length=16, required=False, allow_blank=True, help_text="For a symbol without suffix."
    )
    quantity = _decimal("Of a buy or sell, as traded.")
    price = _decimal("Of one share, as traded.")
    amount = _decimal("Of every other kind.")
    currency = serializers.CharField(
        max_length=3,
        required=False,
        allow_blank=True,
        help_text="Of price, amount and fees, GBp too; default: the symbol's, else the portfolio's.",
    )
    fees = _decimal("In the same currency; default: none.")
    note = serializers.CharField(max_length=MOST_NOTE, required=False, allow_blank=True)


class PageQuery(StrictSerializer):
    page = serializers.IntegerField(required=False, default=1, min_value=1, max_value=1_000_000)
    page_size = serializers.IntegerField(required=False, default=50, min_value=1, max_value=1_000)
    symbol = serializers.CharField(required=False, default="", max_length=32)


class WorthQuery(StrictSerializer):
    start = serializers.DateField(required=False, help_text="First date, inclusive.")
    end = serializers.DateField(required=False, help_text="Last date, inclusive.")
    interval = serializers.ChoiceField(
        choices=[i.value for i in ChartInterval], default=ChartInterval.DAY.value
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        start, end = attrs.get("start"), attrs.get("end")
        if start and end and start > end:
            raise serializers.ValidationError({"start": f"{start} lies after the end, {end}."})
        return attrs


class CompleteQuery(PageQuery):
    range = serializers.ChoiceField(
        choices=[r.value for r in ChartRange],
        default=ChartRange.YEAR.value,
        help_text="Counted back from the last day that is valued.",
    )
    interval = serializers.ChoiceField(
        choices=[i.value for i in ChartInterval], default=ChartInterval.DAY.value
    )
    benchmark = serializers.CharField(
        required=False,
        max_length=32,
        allow_blank=True,
        help_text="A tracked symbol; default: the portfolio's own; empty: none.",
    )


class ImportQuery(StrictSerializer):
    preview = serializers.BooleanField(
        default=False, help_text="Say what would be booked, and book nothing."
    )
    duplicates = serializers.ChoiceField(
        choices=["refuse", "skip", "book"],
        default="refuse",
        help_text="What to do with lines that are booked already.",
    )


class ImportBody(serializers.Serializer[Any]):
    file = serializers.FileField(help_text="Or the file's content as the body, as text/csv.")
