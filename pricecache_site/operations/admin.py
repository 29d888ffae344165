"""API tokens in the admin: shown once when they are added, revoked by deleting them."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import ForeignKey
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from knox.models import AuthToken

from pricecache_site.operations.models import ApiToken, authorization
from prices.admin.widgets.labels import badge, due_time, relative_time
from prices.web.themed_admin import ThemedAdmin, column

admin.site.unregister(AuthToken)


def _state(token: ApiToken) -> SafeString:
    expired = token.has_expired(timezone.now())
    return badge("expired", "danger") if expired else badge("valid", "success")


@admin.register(ApiToken)
class ApiTokenAdmin(ThemedAdmin[Any]):
    """Renew a token by adding one and deleting the old one, so that none is ever shown again."""

    list_display = ("begins", "user", "state", "added", "expires")
    list_select_related = ("user",)
    search_fields = ("token_key", "user__username")
    fields = ("user", "expiry")

    begins = column("Begins with", lambda token: f"{token.start}…")
    state = column("State", _state)
    added = column("Added", lambda token: relative_time(token.created), "created")
    expires = column("Expires", lambda token: due_time(token.expiry), "expiry")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        """Offers only their own account to everybody but superusers: a token acts as its user."""
        if not request.user.is_superuser:
            kwargs["queryset"] = User.objects.filter(username=request.user.get_username())
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: bool) -> None:
        token = obj.generate()
        obj.save(force_insert=True)
        text = "Copy this line now, it is not shown again: {}"
        messages.warning(request, format_html(text, authorization(token)))
