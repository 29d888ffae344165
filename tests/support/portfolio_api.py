"""Requests to the portfolio's API, and a quote of its symbol."""

from datetime import datetime
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from portfolio.models import Portfolio
from prices import services
from prices.domain.quotes import Quote

JSON = "application/json"


def post(client: Client, path: str, **body: Any) -> Any:
    return client.post(path, body, content_type=JSON)


def book(client: Client, portfolio: Portfolio, **body: Any) -> Any:
    return post(client, f"/portfolio/{portfolio.pk}/transactions", **body)


def buy_acme(client: Client, portfolio: Portfolio, **parts: Any) -> Any:
    body = {"kind": "buy", "date": "2026-06-02", "symbol": "ACME", "quantity": "10", "price": "21"}
    return book(client, portfolio, **{**body, **parts})


def sell_acme(client: Client, portfolio: Portfolio, when: str, quantity: str) -> Any:
    body = {"kind": "sell", "symbol": "ACME", "price": "12", "date": when, "quantity": quantity}
    return book(client, portfolio, **body)


def quote_acme(price: float, previous: float, session: str) -> None:
    """Stores a quote of a session's morning in New York."""
    traded = datetime.fromisoformat(f"{session}T15:00:00+00:00")
    quote = Quote(
        "ACME", price, traded, traded, "REGULAR", "USD", "America/New_York", previous_close=previous
    )
    services.quotes().put([quote])


def send_file(client: Client, portfolio: Portfolio, text: str, query: str = "") -> Any:
    file = SimpleUploadedFile("t.csv", text.encode())
    return client.post(f"/portfolio/{portfolio.pk}/import{query}", {"file": file})
