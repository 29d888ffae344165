"""Routes of the whole site."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import include, path

from pricecache_site.operations import health

handler400 = "prices.web.problems.bad_request"
handler404 = "prices.web.problems.not_found"
handler500 = "prices.web.problems.server_error"


def home(request: HttpRequest) -> HttpResponseRedirect:
    """The admin, or for who may not enter it, the portfolios."""
    known = request.user.is_authenticated and not request.user.is_staff
    return redirect("portfolios:list" if known else "admin:index")


urlpatterns = [
    path("cache/", include("prices.api.urls")),  # what is asked for most comes first
    path("", home),
    path("admin/", include("prices.admin.urls")),
    path("admin/", admin.site.urls),
    path("", include("portfolio.api.urls")),
    path("portfolios/", include("portfolio.web.urls")),
    path("healthz", health.alive),
    path("readyz", health.ready),
]
