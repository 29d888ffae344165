"""Tests: a real mongod, the real yfinance against a stand-in, real processes and pages."""
