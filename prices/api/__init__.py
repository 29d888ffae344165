"""The REST API under /cache/."""
