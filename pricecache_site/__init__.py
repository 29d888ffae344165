"""The Django project: settings, routes, and the entry points of web servers."""
