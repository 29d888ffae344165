"""Routes of the portfolio's pages below /portfolios/."""

from django.urls import path

from portfolio.web import pages, transaction_pages
from portfolio.web.symbol_page import suggested_close, symbol_page

app_name = "portfolios"
_ONE = "<int:portfolio_id>/"
_ROW = f"{_ONE}<int:transaction_id>/"
urlpatterns = [
    path("", pages.listing, name="list"),
    path("login/", pages.login, name="login"),
    path("logout/", pages.logout, name="logout"),
    path("close/", suggested_close, name="close"),
    path("symbols/<str:symbol>/", symbol_page, name="symbol"),
    path(_ONE, pages.portfolio_page, name="portfolio"),
    path(f"{_ONE}settings/", pages.edit_portfolio, name="edit"),
    path(f"{_ONE}delete/", pages.delete_portfolio, name="delete"),
    path(f"{_ONE}import/", transaction_pages.import_transactions, name="import"),
    path(f"{_ONE}add/", transaction_pages.add_transaction, name="add"),
    path(_ROW, transaction_pages.change_transaction, name="change"),
    path(f"{_ROW}delete/", transaction_pages.delete_transaction, name="remove"),
]
