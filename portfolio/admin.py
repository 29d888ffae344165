"""Portfolios in the admin, each to its owner alone; changes go through the portfolio's own doors."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from portfolio.models import Portfolio, Transaction
from prices.web.themed_admin import NoAdd, ThemedAdmin


class _Looked(NoAdd):
    """To look at, not to change, which would pass by the rules of booking.

    Deleting stays a right: without it no user with portfolios could be deleted.
    """

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(Portfolio)
class PortfolioAdmin(_Looked, ThemedAdmin[Portfolio]):
    list_display = ("name", "owner", "base_currency", "benchmark", "created_at")
    list_filter = ("base_currency",)
    search_fields = ("name",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Portfolio]:
        """One's own: being staff opens nobody else's."""
        return super().get_queryset(request).filter(owner=request.user.pk)


@admin.register(Transaction)
class TransactionAdmin(_Looked, ThemedAdmin[Transaction]):
    list_display = (
        *("date", "portfolio", "kind", "symbol", "quantity", "price", "amount", "currency"),
        "fees",
    )
    list_filter = ("kind", "currency")
    search_fields = ("symbol", "note")
    list_select_related = ("portfolio",)
    date_hierarchy = "date"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Transaction]:
        return super().get_queryset(request).filter(portfolio__owner=request.user.pk)
