"""The pages that log a user in and out."""

from __future__ import annotations

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import reverse_lazy

from portfolio.web.page_guard import guarded_page

login = guarded_page(
    LoginView.as_view(
        template_name="portfolio/login.html",
        next_page=reverse_lazy("portfolios:list"),
        redirect_authenticated_user=True,
        extra_context={"section": "login"},
    )
)
logout = guarded_page(LogoutView.as_view(next_page=reverse_lazy("portfolios:login")))
