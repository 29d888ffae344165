"""Routes of the whole site."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from prices.api import health

handler404 = "prices.api.errors.not_found"
handler500 = "prices.api.errors.server_error"

urlpatterns = [
    path("cache/", include("prices.api.urls")),  # what is asked for most comes first
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", include("prices.admin.urls")),
    path("admin/", admin.site.urls),
    path("", include("portfolio.api.urls")),
    path("portfolios/", include("portfolio.page_urls")),
    path("healthz", health.alive),
    path("readyz", health.ready),
]
