"""Tracked symbols: tracking them, their health, and their quarantined answers."""
