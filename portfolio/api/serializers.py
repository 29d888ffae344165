"""Serializers that validate the API's requests and describe them in its schema."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from portfolio.domain.entries import MAX_NOTE_LENGTH, EntryKind
from portfolio.domain.figures import ChartInterval, ChartRange
from portfolio.importing import Duplicates
from prices.web.serializers import StrictSerializer


class PortfolioBody(StrictSerializer):
    name = serializers.CharField(max_length=100)
    base_currency = serializers.CharField(max_length=3, help_text="Such as EUR.")
    benchmark = serializers.CharField(
        max_length=32,
        required=False,
        allow_blank=True,
        help_text="A symbol to compare with, such as ^GSPC; it will be tracked.",
    )


def _text(max_length: int, help_text: str = "") -> serializers.CharField:
    return serializers.CharField(
        max_length=max_length, required=False, allow_blank=True, help_text=help_text
    )


def _decimal(help_text: str) -> serializers.DecimalField:
    return serializers.DecimalField(
        max_digits=20, decimal_places=8, required=False, allow_null=True, help_text=help_text
    )


class TransactionBody(StrictSerializer):
    kind = serializers.CharField(max_length=12, help_text=", ".join(EntryKind))
    date = serializers.DateField()
    symbol = _text(40, "Of a buy, sell or dividend.")
    market = _text(16, "For a symbol without suffix.")
    quantity = _decimal("Of a buy or sell, as traded.")
    price = _decimal("Of one share, as traded.")
    amount = _decimal("Of every other kind.")
    currency = _text(
        3, "Of price, amount and fees, also GBp; default: the symbol's, else the portfolio's."
    )
    fees = _decimal("In the same currency; default: none.")
    note = _text(MAX_NOTE_LENGTH)


class PageQuery(StrictSerializer):
    page = serializers.IntegerField(required=False, default=1, min_value=1, max_value=1_000_000)
    page_size = serializers.IntegerField(required=False, default=50, min_value=1, max_value=1_000)
    symbol = serializers.CharField(required=False, default="", max_length=32)


def _interval() -> serializers.ChoiceField:
    return serializers.ChoiceField(
        choices=[interval.value for interval in ChartInterval], default=ChartInterval.DAY.value
    )


class WorthQuery(StrictSerializer):
    start = serializers.DateField(required=False, help_text="First date, inclusive.")
    end = serializers.DateField(required=False, help_text="Last date, inclusive.")
    interval = _interval()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        start, end = attrs.get("start"), attrs.get("end")
        if start and end and start > end:
            raise serializers.ValidationError({"start": f"{start} is after the end, {end}."})
        return attrs


class CompleteQuery(PageQuery):
    range = serializers.ChoiceField(
        choices=[r.value for r in ChartRange],
        default=ChartRange.YEAR.value,
        help_text="Ends with the last day that is valued.",
    )
    interval = _interval()
    benchmark = _text(32, "A tracked symbol; default: the portfolio's own; empty: none.")


class ImportQuery(StrictSerializer):
    preview = serializers.BooleanField(
        default=False, help_text="Return what would be booked, and book nothing."
    )
    duplicates = serializers.ChoiceField(
        choices=[choice.value for choice in Duplicates],
        default=Duplicates.REFUSE.value,
        help_text="What to do with lines that are booked already.",
    )


class ImportBody(serializers.Serializer[Any]):
    file = serializers.FileField(help_text="Or send the file's content as a text/csv body.")
