"""The tracked symbols in the admin: list, page, buttons and bulk actions."""
