"""Portfolios valued from the price cache; sees only its reading side."""
