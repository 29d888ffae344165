"""Tracked symbols: taking them on, their health, and what of them is in quarantine."""
