"""A local stand-in for Yahoo Finance, reached by an unmodified yfinance through a proxy."""

from tests.standin.book import Book, Instrument, default_book
from tests.standin.server import StandIn

__all__ = ["Book", "Instrument", "StandIn", "default_book"]
