"""Routes of the portfolio's API; the pages are below /portfolios/."""

from __future__ import annotations

from django.urls import path

from portfolio.api import files, reads, writes

app_name = "portfolio_api"
_ONE = "portfolio/<int:portfolio_id>"
urlpatterns = [
    path("portfolio", writes.PortfoliosView.as_view(), name="portfolios"),
    path(_ONE, writes.PortfolioView.as_view(), name="portfolio"),
    path(f"{_ONE}/history", reads.HistoryView.as_view(), name="history"),
    path(f"{_ONE}/complete", reads.CompleteView.as_view(), name="complete"),
    path(f"{_ONE}/live", reads.LiveView.as_view(), name="live"),
    path(f"{_ONE}/transactions", writes.TransactionsView.as_view(), name="transactions"),
    path(
        f"{_ONE}/transactions/<int:transaction_id>",
        writes.TransactionView.as_view(),
        name="transaction",
    ),
    path(f"{_ONE}/import", files.ImportView.as_view(), name="import"),
    path(f"{_ONE}/export", files.ExportView.as_view(), name="export"),
]
