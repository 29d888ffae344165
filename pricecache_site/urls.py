"""The routes of the site."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import include, path

from pricecache_site.operations import health

handler400 = "prices.web.problems.bad_request"
handler404 = "prices.web.problems.not_found"
handler500 = "prices.web.problems.server_error"


def home(request: HttpRequest) -> HttpResponseRedirect:
    """Redirects to the admin, or to the portfolios for a user who may not enter the admin."""
    is_investor = request.user.is_authenticated and not request.user.is_staff
    return redirect("portfolios:list" if is_investor else "admin:index")


urlpatterns = [
    path("cache/", include("prices.api.urls")),  # The most frequent requests come first.
    path("", home),
    path("admin/", include("prices.admin.urls")),
    path("admin/", admin.site.urls),
    path("", include("portfolio.api.urls")),
    path("portfolios/", include("portfolio.web.urls")),
    path("healthz", health.alive),
    path("readyz", health.ready),
]
