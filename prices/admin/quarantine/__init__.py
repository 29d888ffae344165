"""Quarantined answers in the admin: the list, the page of one, and the decisions about them."""
