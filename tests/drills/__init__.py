"""Drills: a running system is harmed while it rewrites all histories, and must mend itself."""
