"""The REST API under /portfolio."""
