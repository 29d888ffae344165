"""Bringing stored series forward: history, quotes, publishing, verification, repair, renames."""
