"""Routes of the portfolio's API; the pages are below /portfolios/."""

from django.urls import path

from portfolio.api import views

app_name = "portfolio_api"
_ONE = "portfolio/<int:portfolio_id>"
_ROW = f"{_ONE}/transactions/<int:transaction_id>"
urlpatterns = [
    path("portfolio", views.PortfoliosView.as_view(), name="portfolios"),
    path(_ONE, views.PortfolioView.as_view(), name="portfolio"),
    path(f"{_ONE}/history", views.HistoryView.as_view(), name="history"),
    path(f"{_ONE}/complete", views.CompleteView.as_view(), name="complete"),
    path(f"{_ONE}/live", views.LiveView.as_view(), name="live"),
    path(f"{_ONE}/transactions", views.TransactionsView.as_view(), name="transactions"),
    path(_ROW, views.TransactionView.as_view(), name="transaction"),
    path(f"{_ONE}/import", views.ImportView.as_view(), name="import"),
    path(f"{_ONE}/export", views.ExportView.as_view(), name="export"),
]
