"""Read-only admin of portfolios and transactions; users see their own only."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from portfolio import booking
from portfolio.models import Portfolio, Transaction
from prices.web.themed_admin import NoAdd, ThemedAdmin


class _OwnerAdmin(NoAdd, ThemedAdmin[Any]):
    """Shows the rows of the logged-in user only; being staff gives no access to others' rows.

    Changes would bypass the rules of booking. Deleting is allowed, because users with portfolios
    could not be deleted otherwise.
    """

    owner_field: ClassVar[str]

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(**{self.owner_field: request.user.pk})


@admin.register(Portfolio)
class PortfolioAdmin(_OwnerAdmin):
    owner_field = "owner"
    list_display = ("name", "owner", "base_currency", "benchmark", "created_at")
    list_filter = ("base_currency",)
    search_fields = ("name",)

    def delete_model(self, request: HttpRequest, obj: Portfolio) -> None:
        booking.delete_portfolio(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Portfolio]) -> None:
        for portfolio in queryset:
            booking.delete_portfolio(portfolio)


@admin.register(Transaction)
class TransactionAdmin(_OwnerAdmin):
    owner_field = "portfolio__owner"
    list_display = (
        *("date", "portfolio", "kind", "symbol", "quantity", "price", "amount", "currency"),
        "fees",
    )
    list_filter = ("kind", "currency")
    search_fields = ("symbol", "note")
    list_select_related = ("portfolio",)
    date_hierarchy = "date"
