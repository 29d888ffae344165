"""Figures about the whole system: no theme, no HTML."""
