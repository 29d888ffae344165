"""Serializers that validate the API's requests, and those that describe its responses."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from portfolio.domain.entries import MAX_NOTE_LENGTH, EntryKind
from portfolio.domain.figures import ChartInterval, ChartRange
from portfolio.importing import Duplicates
from prices.web.serializers import ProblemOut, StrictSerializer, TextField


def _text(max_length: int, help_text: str = "") -> serializers.CharField:
    return TextField(max_length=max_length, required=False, allow_blank=True, help_text=help_text)


class PortfolioBody(StrictSerializer):
    name = TextField(max_length=100)
    base_currency = TextField(max_length=3, help_text="Such as EUR.")
    benchmark = _text(32, "A symbol to compare with, such as ^GSPC; it will be tracked.")


@extend_schema_field({"oneOf": [{"type": "string", "minLength": 1}, {"type": "number"}]})
class ExactField(serializers.DecimalField):
    """A number, or its text, which keeps every digit in every client."""


def _decimal(help_text: str) -> ExactField:
    return ExactField(
        max_digits=20, decimal_places=8, required=False, allow_null=True, help_text=help_text
    )


class TransactionBody(StrictSerializer):
    kind = TextField(max_length=12, help_text=", ".join(EntryKind))
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


def _money(about: str = "") -> serializers.FloatField:
    return _number(f"{about} In the base currency; null if not known.".strip())


def _ratio(about: str = "") -> serializers.FloatField:
    return _number(f"{about} A ratio: 0.05 is 5 %; null if not known.".strip())


def _texts(about: str) -> serializers.ListField:
    return serializers.ListField(child=serializers.CharField(), help_text=about)


def _number(about: str = "") -> serializers.FloatField:
    return serializers.FloatField(allow_null=True, help_text=about)


class PortfolioOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    base_currency = serializers.CharField()
    benchmark = serializers.CharField()
    created_at = serializers.DateTimeField()
    transactions = serializers.IntegerField(help_text="Number of transactions.")


class PortfoliosOut(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    portfolios = PortfolioOut(many=True)


class WarningOut(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="For programs, such as loading, gap, stale, no_rate.")
    symbol = serializers.CharField(help_text="The symbol concerned; empty for the portfolio.")
    since = serializers.DateField(allow_null=True, help_text="First day affected.")
    text = serializers.CharField(help_text="A sentence for people.")


class _PartsOut(serializers.Serializer[Any]):
    realised = _money()
    unrealised = _money()
    dividends = _money("Recorded ones, and those of the price history that nobody recorded.")
    fx = _money("Profit from changes of exchange rates.")


class _TotalsOut(_PartsOut):
    as_of = serializers.DateField(allow_null=True, help_text="Last day that is valued.")
    value = _money("All holdings, and the cash if it is tracked.")
    profit = _money("The sum of its four parts.")
    profit_percent = _ratio("Profit on all money put in.")
    day_change = _money()
    day_change_percent = _ratio()


class _ReturnsOut(serializers.Serializer[Any]):
    twr = _ratio("Time-weighted return since the first day.")
    twr_annual = _ratio("Time-weighted return a year, from one year on.")
    mwr = _ratio("Money-weighted return a year (XIRR).")
    drawdown = _ratio("Current value below the highest so far.")
    max_drawdown = _ratio("Deepest drawdown.")


def _fees() -> serializers.FloatField:
    return _money("Fees paid; those of trades are part of cost and proceeds already.")


class SummaryOut(_TotalsOut, _ReturnsOut):
    fees = _fees()
    first_date = serializers.DateField(allow_null=True, help_text="Date of the first transaction.")
    holdings_value = _money()
    cash_tracked = serializers.BooleanField(help_text="Whether a deposit is recorded.")
    cash = _money("Null if cash is not tracked.")
    cash_balances = serializers.DictField(child=serializers.FloatField(), help_text="By currency.")
    invested = _money("Money put in minus money taken out.")
    put_in = _money("All deposits; without any, the cost of all purchases.")
    taken_out = _money("All withdrawals; without deposits, all proceeds and dividends.")


class LiveHoldingOut(serializers.Serializer[Any]):
    symbol = serializers.CharField()
    status = serializers.CharField(
        help_text="priced; loading (its history); unpriced; no_rate; closed (sold entirely)."
    )
    price = _number()
    price_time = serializers.DateTimeField(allow_null=True, help_text="Time of a live price.")
    live = serializers.BooleanField(help_text="Whether the price is a quote, not a close.")
    day_change = _money()
    day_change_percent = _ratio("Change of the price.")
    value = _money()
    weight = _ratio("Part of the portfolio's value.")
    profit = _money()
    profit_percent = _ratio("Profit on everything ever paid for the symbol.")


class HoldingOut(LiveHoldingOut, _PartsOut):
    fees = _fees()
    name = serializers.CharField()
    quantity = serializers.FloatField(help_text="In today's shares.")
    currency = serializers.CharField(help_text="Unit of the price, such as USD or GBp.")
    major_currency = serializers.CharField()
    previous_close = _number()
    price_date = serializers.DateField(allow_null=True, help_text="Session of the price.")
    value_local = _number("In the major currency.")
    cost = _money("Average cost of the shares held.")
    average_price = _number("Cost of a share in the major currency.")
    sparkline = serializers.ListField(
        child=serializers.FloatField(), help_text="The last 7 prices."
    )


class PeriodOut(_ReturnsOut):
    range = serializers.CharField()
    start = serializers.DateField(allow_null=True)
    end = serializers.DateField(allow_null=True)
    profit = _money()


class PointOut(serializers.Serializer[Any]):
    date = serializers.DateField()
    value = serializers.FloatField(help_text="Holdings and tracked cash.")
    invested = serializers.FloatField(help_text="Money put in minus money taken out so far.")
    cash = _number()
    twr = serializers.FloatField(help_text="Return since the first point; 0.05 is 5 %.")


class LineOut(serializers.Serializer[Any]):
    currency = serializers.CharField()
    interval = serializers.CharField()
    start = serializers.DateField(allow_null=True)
    end = serializers.DateField(allow_null=True)
    count = serializers.IntegerField()
    data = PointOut(many=True)  # type: ignore[assignment]  # a field of the response


class WorthOut(LineOut):
    warnings = WarningOut(many=True)


class PartOut(serializers.Serializer[Any]):
    name = serializers.CharField()
    value = serializers.FloatField()
    weight = serializers.FloatField()


class AllocationOut(serializers.Serializer[Any]):
    symbol = PartOut(many=True)
    currency = PartOut(many=True)
    market = PartOut(many=True)


class BenchmarkPointOut(serializers.Serializer[Any]):
    date = serializers.DateField()
    value = serializers.FloatField(help_text="Value if the portfolio had followed the benchmark.")
    twr = serializers.FloatField(help_text="Since the first point, in the base currency.")


class BenchmarkOut(serializers.Serializer[Any]):
    symbol = serializers.CharField()
    name = serializers.CharField()
    twr = _ratio("Return over the range.")
    data = BenchmarkPointOut(many=True)  # type: ignore[assignment]
    problem = serializers.CharField(allow_null=True, help_text="Why there are no points.")


class EntryOut(serializers.Serializer[Any]):
    kind = serializers.CharField(help_text=", ".join(EntryKind))
    date = serializers.DateField()
    symbol = serializers.CharField()
    quantity = serializers.CharField(allow_null=True, help_text="A decimal number.")
    price = serializers.CharField(allow_null=True)
    amount = serializers.CharField(allow_null=True)
    currency = serializers.CharField()
    fees = serializers.CharField()
    note = serializers.CharField()


class TransactionOut(EntryOut):
    id = serializers.IntegerField()


class BookedOut(TransactionOut):
    tracked = _texts("Symbols whose history is being fetched now.")


class TransactionsOut(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    page = serializers.IntegerField()
    pages = serializers.IntegerField()
    page_size = serializers.IntegerField()
    results = TransactionOut(many=True)


class OverviewOut(PortfolioOut):
    summary = SummaryOut()
    holdings = HoldingOut(many=True, help_text="The most valuable first.")
    closed = HoldingOut(many=True, help_text="Sold entirely.")
    warnings = WarningOut(many=True)


class CompleteOut(OverviewOut):
    period = PeriodOut()
    history = LineOut()
    allocation = AllocationOut()
    benchmark_series = BenchmarkOut(allow_null=True)
    transaction_page = TransactionsOut()


class LiveOut(_TotalsOut):
    holdings = LiveHoldingOut(many=True)


class ImportLineOut(EntryOut):
    line = serializers.IntegerField(help_text="Line of the file; the header is line 1.")
    duplicate = serializers.BooleanField(help_text="Whether it is booked already.")


class ImportErrorOut(serializers.Serializer[Any]):
    line = serializers.IntegerField(help_text="0 is the file as a whole.")
    text = serializers.CharField()


class ImportOut(serializers.Serializer[Any]):
    format = serializers.CharField(help_text="The tool whose format it is.")
    preview = serializers.BooleanField()
    ok = serializers.BooleanField(help_text="Whether the file can be booked.")
    lines = ImportLineOut(many=True)
    booked = serializers.IntegerField()
    skipped = serializers.IntegerField(help_text="Duplicates, and lines that are no transaction.")
    errors = ImportErrorOut(many=True)  # type: ignore[assignment]
    notes = _texts("Why lines are skipped.")
    tracked = _texts("Symbols whose history is being fetched now.")


class ImportProblemOut(ProblemOut):
    """A problem. Of a file that was read, it also has the members of `ImportOut`."""

    errors = serializers.JSONField(  # type: ignore[assignment]  # a field of the answer
        required=False, help_text="Those of a file: as in `ImportOut`. Others: by parameter."
    )
