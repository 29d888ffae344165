"""Users, groups and API tokens: the admin classes of Django and DRF on the theme."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest
from rest_framework.authtoken.admin import TokenAdmin
from rest_framework.authtoken.models import TokenProxy
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from prices.admin.widgets.lists import column
from prices.web.themed_admin import ThemedAdmin

for _model in (User, Group, TokenProxy):
    admin.site.unregister(_model)


@admin.register(User)
class ThemedUserAdmin(UserAdmin, ThemedAdmin[User]):  # type: ignore[type-arg]
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm


@admin.register(Group)
class ThemedGroupAdmin(GroupAdmin, ThemedAdmin[Group]):
    pass


@admin.register(TokenProxy)
class ThemedTokenAdmin(TokenAdmin, ThemedAdmin[TokenProxy]):
    """Lists shortened tokens; a token's own page shows it. Renew one by deleting and adding."""

    list_display = ("user", "shortened", "created")
    list_display_links = ("user",)
    fields = ("user", "key", "created")
    autocomplete_fields = ("user",)
    shortened = column("Token", lambda token: f"{token.key[:4]}…{token.key[-4:]}")

    def get_fields(self, request: HttpRequest, obj: TokenProxy | None = None) -> Any:
        return ("user",) if obj is None else self.fields

    def has_change_permission(self, request: HttpRequest, obj: TokenProxy | None = None) -> bool:
        return False
