"""What the portfolio's API gives, for the schema; the bodies are built without it."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from portfolio.domain.entries import EntryKind

_KINDS = [kind.value for kind in EntryKind]


class PortfolioOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    base_currency = serializers.CharField()
    benchmark = serializers.CharField()
    created_at = serializers.DateTimeField()
    transactions = serializers.IntegerField(help_text="How many.")


class PortfoliosOut(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    portfolios = PortfolioOut(many=True)


_MONEY = "In the base currency; null: not known."


def _money(about: str = "") -> serializers.FloatField:
    return serializers.FloatField(allow_null=True, help_text=f"{about} {_MONEY}".strip())


def _share(about: str) -> serializers.FloatField:
    return serializers.FloatField(
        allow_null=True, help_text=f"{about} A share: 0.05 is 5 %; null: not known."
    )


class WarningOut(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="loading, gap, stale, no_rate and the like.")
    symbol = serializers.CharField(help_text="Which holding; empty: the whole portfolio.")
    since = serializers.DateField(allow_null=True, help_text="From when.")
    text = serializers.CharField(help_text="A sentence.")


class SummaryOut(serializers.Serializer[Any]):
    as_of = serializers.DateField(allow_null=True, help_text="The last day that is valued.")
    first_date = serializers.DateField(allow_null=True, help_text="Of the first transaction.")
    value = _money("All holdings, and the cash if it is tracked.")
    holdings_value = _money()
    cash_tracked = serializers.BooleanField(help_text="A deposit is recorded.")
    cash = _money("Null: not tracked.")
    cash_balances = serializers.DictField(child=serializers.FloatField(), help_text="By currency.")
    invested = _money("Put in less taken out.")
    profit = _money()
    profit_percent = _share("Of all that was put in.")
    realised = _money()
    unrealised = _money()
    dividends = _money()
    fx = _money("What changes of exchange rates brought.")
    fees = _money("Paid; those of trades are part of cost and proceeds already.")
    day_change = _money()
    day_change_percent = _share("")
    twr = _share("Time-weighted return since the first day.")
    twr_annual = _share("The same a year, from a year on.")
    mwr = _share("Money-weighted return a year (XIRR).")
    drawdown = _share("Below the highest point so far, as of now.")
    max_drawdown = _share("The deepest there was.")


class LiveHoldingOut(serializers.Serializer[Any]):
    symbol = serializers.CharField()
    status = serializers.CharField(
        help_text="priced; loading: its history is being fetched; unpriced; no_rate: no exchange "
        "rate; closed: sold entirely."
    )
    price = serializers.FloatField(allow_null=True)
    price_time = serializers.DateTimeField(allow_null=True, help_text="Of a live price.")
    live = serializers.BooleanField(help_text="The price is a quote, not a close.")
    day_change = _money()
    day_change_percent = _share("Of the price.")
    value = _money()
    weight = _share("Of the whole value.")
    profit = _money()


class HoldingOut(LiveHoldingOut):
    name = serializers.CharField()
    quantity = serializers.FloatField(help_text="In shares of today.")
    currency = serializers.CharField(help_text="Unit of the price: USD, GBp.")
    major_currency = serializers.CharField()
    previous_close = serializers.FloatField(allow_null=True)
    price_date = serializers.DateField(allow_null=True, help_text="The session of the price.")
    value_local = serializers.FloatField(allow_null=True, help_text="In the major currency.")
    cost = _money("Average cost of what is held.")
    average_price = serializers.FloatField(
        allow_null=True, help_text="Cost of a share, in the major currency."
    )
    profit_percent = _share("Of all that was paid for it.")
    realised = _money()
    unrealised = _money()
    dividends = _money()
    fx = _money()
    fees = _money()
    sparkline = serializers.ListField(
        child=serializers.FloatField(), help_text="The last 7 closes, a live price as the last."
    )


class PeriodOut(serializers.Serializer[Any]):
    range = serializers.CharField()
    start = serializers.DateField(allow_null=True)
    end = serializers.DateField(allow_null=True)
    profit = _money()
    twr = _share("")
    twr_annual = _share("")
    mwr = _share("")
    drawdown = _share("")
    max_drawdown = _share("")


class PointOut(serializers.Serializer[Any]):
    date = serializers.DateField()
    value = serializers.FloatField(help_text="Holdings and tracked cash.")
    invested = serializers.FloatField(help_text="Put in less taken out until then.")
    cash = serializers.FloatField(allow_null=True)
    twr = serializers.FloatField(help_text="Since the first point; 0.05 is 5 %.")


class LineOut(serializers.Serializer[Any]):
    currency = serializers.CharField()
    interval = serializers.CharField()
    start = serializers.DateField(allow_null=True)
    end = serializers.DateField(allow_null=True)
    count = serializers.IntegerField()
    data = PointOut(many=True)  # type: ignore[assignment]  # a field of the answer


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
    value = serializers.FloatField(
        help_text="Worth what the portfolio was at the first point, had it gone as the benchmark."
    )
    twr = serializers.FloatField(help_text="Since the first point, in the base currency.")


class BenchmarkOut(serializers.Serializer[Any]):
    symbol = serializers.CharField()
    name = serializers.CharField()
    twr = _share("Over the range.")
    data = BenchmarkPointOut(many=True)  # type: ignore[assignment]
    problem = serializers.CharField(allow_null=True, help_text="Why there are no points.")


class EntryOut(serializers.Serializer[Any]):
    kind = serializers.CharField(help_text=", ".join(_KINDS))
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
    tracked = serializers.ListField(
        child=serializers.CharField(), help_text="Symbols whose history is being fetched now."
    )


class TransactionsOut(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    page = serializers.IntegerField()
    pages = serializers.IntegerField()
    page_size = serializers.IntegerField()
    results = TransactionOut(many=True)


class OverviewOut(PortfolioOut):
    summary = SummaryOut()
    holdings = HoldingOut(many=True, help_text="Most valuable first.")
    closed = HoldingOut(many=True, help_text="Sold entirely.")
    warnings = WarningOut(many=True)


class CompleteOut(OverviewOut):
    period = PeriodOut()
    history = LineOut()
    allocation = AllocationOut()
    benchmark_series = BenchmarkOut(allow_null=True)
    transaction_page = TransactionsOut()


class LiveOut(serializers.Serializer[Any]):
    as_of = serializers.DateField(allow_null=True)
    value = _money()
    profit = _money()
    day_change = _money()
    day_change_percent = _share("")
    holdings = LiveHoldingOut(many=True)


class ImportLineOut(EntryOut):
    line = serializers.IntegerField(help_text="Of the file, the header being 1.")
    duplicate = serializers.BooleanField(help_text="Booked already.")


class ImportErrorOut(serializers.Serializer[Any]):
    line = serializers.IntegerField(help_text="0: the file as a whole.")
    text = serializers.CharField()


class ImportOut(serializers.Serializer[Any]):
    format = serializers.CharField(help_text="Which tool's file it is.")
    preview = serializers.BooleanField()
    ok = serializers.BooleanField(help_text="Nothing stands in the way of booking it.")
    lines = ImportLineOut(many=True)
    booked = serializers.IntegerField()
    skipped = serializers.IntegerField(help_text="Duplicates, and lines that are no transaction.")
    errors = ImportErrorOut(many=True)  # type: ignore[assignment]
    notes = serializers.ListField(child=serializers.CharField(), help_text="What to know.")
    tracked = serializers.ListField(child=serializers.CharField())
