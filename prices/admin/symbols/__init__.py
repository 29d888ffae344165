"""The tracked symbols in the admin: the list, the page of one, buttons and bulk actions."""
