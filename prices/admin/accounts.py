"""Users, groups, and the log of what users did; nobody can change the log."""

from django.contrib import admin
from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from prices.admin.widgets.labels import NONE, badge, clipped_text, full_time, relative_time
from prices.web.themed_admin import RecordAdmin, ThemedAdmin, column

_BADGES = {
    ADDITION: ("added", "success"),
    CHANGE: ("done", "info"),
    DELETION: ("deleted", "danger"),
}

for _model in (User, Group):
    admin.site.unregister(_model)


@admin.register(User)
class ThemedUserAdmin(UserAdmin, ThemedAdmin[User]):  # type: ignore[type-arg]
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm


@admin.register(Group)
class ThemedGroupAdmin(GroupAdmin, ThemedAdmin[Group]):
    pass


@admin.register(LogEntry)
class LogAdmin(RecordAdmin):
    list_display = ("when", "who", "kind", "what", "about")
    list_filter = ("user", "action_flag", "content_type")
    search_fields = ("object_repr", "change_message", "user__username")
    search_help_text = "Object, words or user"
    list_select_related = ("user", "content_type")
    fields = ("time", "who", "kind", "what", "about", "content_type")

    when = column("When", lambda entry: relative_time(entry.action_time), "action_time")
    time = column("When", lambda entry: full_time(entry.action_time))
    who = column("Who", lambda entry: entry.user.get_username(), "user__username")
    kind = column("Kind", lambda entry: badge(*_BADGES[entry.action_flag]))
    what = column("What", lambda entry: clipped_text(entry.get_change_message()))
    about = column("About", lambda entry: entry.object_repr or NONE)
