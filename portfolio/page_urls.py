"""Routes of the portfolio's pages, below /portfolios/."""

from __future__ import annotations

from django.urls import path

from portfolio import accounts
from portfolio.symbol_page import symbol_page

app_name = "portfolios"
urlpatterns = [
    path("", symbol_page, {"symbol": "AAPL"}, name="list"),
    path("login/", accounts.login, name="login"),
    path("logout/", accounts.logout, name="logout"),
    path("symbols/<str:symbol>/", symbol_page, name="symbol"),
]
