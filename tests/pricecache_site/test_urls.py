"""Who may do what: every route of the API and of the admin, for every identity.

Routes come from the URL conf and actions from the admin's registry, so that a new one without a
rule in the table fails.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group, User
from django.db import models, transaction
from django.test import Client, RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone
from django_q.models import Failure, OrmQ, Schedule, Success, Task

from portfolio.models import Portfolio, Transaction
from pricecache_site.operations.models import ApiToken, issue_token
from prices.jobs import runs, schedules
from prices.models import CalendarOverride, Quarantine, ReadCount, SyncRun, Tag
from tests.support import access_table as table
from tests.support.access_table import ACTIONS, API, MODELS, OPEN, PAGES, READ, WITHOUT_RULE
from tests.support.builders import NOW, published, tracked
from tests.support.tokens import staff_user, token_headers

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store"), pytest.mark.timeout(600)]

Routes = list[tuple[str, URLPattern]]


def routes(
    patterns: list[Any] | None = None, prefix: str = "/"
) -> Iterator[tuple[str, URLPattern]]:
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, path)
        else:
            yield path, pattern


def api_routes() -> set[str]:
    found = set()
    for path, pattern in routes():
        if path.startswith(("/cache/", "/portfolio")) and not path.startswith("/portfolios/"):
            view = pattern.callback.view_class  # type: ignore[attr-defined]
            methods = set(view().allowed_methods) - {"OPTIONS", "HEAD"}
            shown = re.sub(r"<\w+:(\w+)>", r"{\1}", path)
            found |= {f"{method} {shown}" for method in methods}
    return found


def admin_routes() -> set[str | None]:
    return {pattern.name for path, pattern in routes() if path.startswith("/admin/")}


def test_every_route_has_a_rule() -> None:
    assert {route.partition(" (")[0] for route in API} == api_routes()
    of_models = {
        f"{model.replace('.', '_')}_{page}"
        for model in MODELS
        for page in ("changelist", "add", "history", "delete", "change")
    }
    assert admin_routes() == of_models | set(PAGES) | WITHOUT_RULE
    assert {model._meta.label_lower for model in admin.site._registry} == set(MODELS)


def test_every_action_has_a_rule() -> None:
    request = RequestFactory().get("/")
    request.user = User(is_superuser=True, is_active=True, is_staff=True)
    assert set(ACTIONS) == {
        f"{model._meta.label_lower} {name}"
        for model, model_admin in admin.site._registry.items()
        for name in model_admin.get_actions(request)
    }


def test_the_document_holds_the_table() -> None:
    assert table.DOCUMENT.read_text() == table.document_with_tables(), (
        "run python -m tests.support.access_table"
    )


@pytest.fixture
def rows(django_user_model: type[User]) -> dict[str, models.Model]:
    """One row of each model, by its label."""
    now = timezone.now()
    schedules.install(now=now)
    owner = User.objects.create_user("owner")
    portfolio = Portfolio.objects.create(owner=owner, name="P", base_currency="USD", created_at=now)
    times = {"func": "prices.jobs.tasks.canary", "started": now, "stopped": now}
    symbol = tracked()
    published()
    run = runs.queue(SyncRun.Kind.BACKFILL, trigger="admin (mallory)")
    issue_token(owner)
    found: list[models.Model] = [
        *(owner, portfolio, symbol, run, ApiToken.objects.get()),
        Group.objects.create(name="g"),
        LogEntry.objects.log_actions(owner.pk, [owner], CHANGE, single_object=True),
        Tag.objects.create(name="t"),
        CalendarOverride.objects.create(mic="XNYS", date=NOW.date(), kind="holiday"),
        Quarantine.objects.create(symbol=symbol.symbol, kind="bar", reason="r"),
        ReadCount.objects.create(hour=now),
        Schedule.objects.get(name="store_sweep"),
        Success.objects.create(id="a" * 32, name="s", success=True, **times),
        Failure.objects.create(id="b" * 32, name="f", success=False, **times),
        OrmQ.objects.all()[0],
        Transaction.objects.create(
            portfolio=portfolio, kind="deposit", date=NOW.date(), amount=1, currency="USD"
        ),
    ]
    assert Task.objects.count() == 2
    return {row._meta.label_lower: row for row in found}


class Sender:
    """Sends requests of users with a right each, and undoes what they do."""

    def __init__(self, rows: dict[str, models.Model]) -> None:
        self.rows = rows
        self.clients: dict[frozenset[str], Client] = {}

    def client(self, rights: frozenset[str]) -> Client:
        if rights not in self.clients:
            client = self.clients[rights] = Client()
            client.force_login(staff_user(f"staff {len(self.clients)}", *rights))
        return self.clients[rights]

    def status(self, client: Client, method: str, path: str, body: Any, **more: Any) -> int | str:
        """Returns the status, or "login" for a redirect to the login page."""
        with transaction.atomic():
            if path.startswith("/admin/portfolio/") and (pk := client.session.get("_auth_user_id")):
                Portfolio.objects.update(owner=pk)  # The admin shows only the user's own.
            answer = client.generic(method, path, body, **more)
            transaction.set_rollback(True)
        if answer.status_code == 302 and "/login/" in answer["Location"]:
            return "login"
        return answer.status_code

    def check_rights(
        self, rule: table.Rule, method: str, path: str, body: Any, **more: Any
    ) -> None:
        """Checks that each alternative of the rule suffices, and all other rights together do not.

        So no other right alone does either, because a right never takes something away.
        """
        for together in rule:
            found = self.status(self.client(frozenset(together)), method, path, body, **more)
            assert found not in (401, 403, "login"), (method, path, together, found)
        # One right of each alternative is missing.
        for missing in product(*rule):
            rest = frozenset(table.all_rights() - set(missing))
            found = self.status(self.client(rest), method, path, body, **more)
            assert found == 403, (method, path, "without", missing, found)


@pytest.fixture
def sender(rows: dict[str, models.Model]) -> Sender:
    return Sender(rows)


BODIES = {
    "POST /cache/backfill-symbol (tracked)": b'{"symbol": "ACME"}',
    "POST /cache/backfill-symbol (new)": b'{"symbol": "NEWCO"}',
    "POST /cache/quarantine/keep": b'{"symbol": "ACME"}',
    "POST /cache/quarantine/release": b'{"symbol": "ACME"}',
}


def address(route: str, rows: dict[str, models.Model]) -> tuple[str, str]:
    """Returns method and path of a route of the API."""
    method, _, path = route.partition(" (")[0].partition(" ")
    return method, path.format(
        symbol="ACME",
        run_id=rows["prices.syncrun"].pk,
        portfolio_id=rows["portfolio.portfolio"].pk,
        transaction_id=rows["portfolio.transaction"].pk,
    )


@pytest.mark.parametrize("route", API)
def test_api(route: str, sender: Sender, rows: dict[str, models.Model]) -> None:
    method, path = address(route, rows)
    is_import = path.endswith("/import")
    json: dict[str, Any] = {"content_type": "text/csv" if is_import else "application/json"}

    def status(client: Client) -> int | str:
        return sender.status(client, method, path, BODIES.get(route, b"{}"), **json)

    rule, user = API[route], User.objects.get(username="owner")
    admitted = range(200, 400) if method == "GET" else (200, 201, 202, 204, 400)
    expired = token_headers(user, expires_at=timezone.now() - timedelta(days=1))
    revoked = token_headers(user)
    ApiToken.objects.filter(token_key__startswith=revoked["Authorization"][6:14]).delete()
    valid, by_session = Client(headers=token_headers(user)), Client()
    by_session.force_login(user)
    boss = Client(headers=token_headers(User.objects.create_superuser("boss")))

    assert (status(Client()) in admitted) == (rule in (OPEN, READ))
    for headers in (expired, revoked):
        assert status(Client(headers=headers)) == 401
    for client in (valid, by_session):
        assert (status(client) in admitted) if isinstance(rule, str) else status(client) == 403
    assert status(boss) in (admitted if rule != table.ACCOUNT else (*admitted, 404))
    if isinstance(rule, str):
        assert status(sender.client(frozenset())) not in (401, 403)
    else:
        assert status(sender.client(frozenset())) == 403
        sender.check_rights(rule, method, path, BODIES.get(route, b"{}"), **json)


FORM = {"content_type": "application/x-www-form-urlencoded"}
POSTED = {
    "job": b"want=pause",
    "prices_quarantine_decide": b"action=keep",
    "prices_trackedsymbol_act": b"do=suspend",
}


def page_path(name: str, rows: dict[str, models.Model]) -> str:
    for path, pattern in routes():
        if pattern.name == name and path.startswith("/admin/"):
            break
    keys = {
        "job": "store_sweep",
        "run": rows["prices.syncrun"].pk,
        "run_id": rows["prices.syncrun"].pk,
        "task": rows["django_q.failure"].pk,
        "id": rows["auth.user"].pk,
        "session": "2024-01-02",
        "pk": rows["prices.quarantine" if "quarantine" in name else "prices.trackedsymbol"].pk,
    }
    path = path.replace(
        "^(?P<app_label>auth|admin|prices|django_q|portfolio|operations)/$", "auth/"
    )
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda found: str(keys[found[1]]), path)


@pytest.mark.parametrize("name", PAGES)
def test_admin_pages(name: str, sender: Sender, rows: dict[str, models.Model]) -> None:
    method, rule = PAGES[name]
    path, body = page_path(name, rows), POSTED.get(name, b"")
    investor, boss = Client(headers=token_headers(User.objects.create_user("investor"))), Client()
    investor.force_login(User.objects.get(username="investor"))
    boss.force_login(User.objects.create_superuser("boss"))

    assert sender.status(Client(), method, path, body, **FORM) == "login"
    assert sender.status(investor, method, path, body, **FORM) == "login"
    assert sender.status(boss, method, path, body, **FORM) in (200, 302)
    without = sender.status(sender.client(frozenset()), method, path, body, **FORM)
    if isinstance(rule, str):
        # A list of an app's models is "not found" for users who may see none of them.
        assert without in (200, 302, 404 if name == "app_list" else 200)
    else:
        assert without == 403
        sender.check_rights(rule, method, path, body, **FORM)


@pytest.mark.parametrize("model", MODELS)
def test_admin_models(model: str, sender: Sender, rows: dict[str, models.Model]) -> None:
    boss = Client()
    boss.force_login(User.objects.create_superuser("boss"))
    base = f"admin:{model.replace('.', '_')}"
    key = [rows[model].pk]
    for page, rule in (
        (reverse(f"{base}_changelist"), table.model_rule(model, "see")),
        (reverse(f"{base}_change", args=key), table.model_rule(model, "see")),
        (reverse(f"{base}_history", args=key), table.model_rule(model, "see")),
        (reverse(f"{base}_add"), table.model_rule(model, "add")),
        (reverse(f"{base}_delete", args=key), table.model_rule(model, "delete")),
    ):
        assert sender.status(Client(), "GET", page, b"") == "login", page
        assert sender.status(boss, "GET", page, b"") == (200 if rule else 403), page
        assert sender.status(sender.client(frozenset()), "GET", page, b"") == 403, page
        sender.check_rights(rule, "GET", page, b"")


@pytest.mark.parametrize("action", ACTIONS)
def test_admin_actions(action: str) -> None:
    label, name = action.split()
    model_admin = next(a for m, a in admin.site._registry.items() if m._meta.label_lower == label)

    def offers(*rights: str) -> bool:
        request = RequestFactory().get("/")
        request.user = staff_user(f"staff {User.objects.count()}", *rights)
        return name in model_admin.get_actions(request)

    for together in ACTIONS[action]:
        assert offers(*together)
    for missing in product(*ACTIONS[action]):
        assert not offers(*(table.all_rights() - set(missing)))


def test_nobody_without_an_account_reads_the_name_of_a_user(rows: dict[str, models.Model]) -> None:
    symbol = rows["prices.trackedsymbol"]
    Quarantine.objects.update(decided_by="API (mallory)", resolved_at=timezone.now())
    schedules.pause(schedules.pausable("store_sweep"), by="mallory", now=timezone.now())
    runs.cancel(SyncRun.objects.get(), by="admin (mallory)", now=timezone.now())
    shown = Client()
    shown.force_login(User.objects.create_user("reader"))
    named = set()
    for route, rule in API.items():
        if rule in (OPEN, READ):
            _, path = address(route, rows)
            path += "?resolved=true" if path.endswith("quarantine") else ""
            assert b"mallory" not in Client().get(path).content, path
            named |= {path} if b"mallory" in shown.get(path).content else set()

    run = f"/cache/runs/{rows['prices.syncrun'].pk}"
    quarantine = "/cache/quarantine?resolved=true"
    assert named == {run, "/cache/status", "/cache/scheduler/status", quarantine}
    assert Client().get(run).json()["trigger"] == "admin (a user)"
    assert Client().get(run).json()["message"].startswith("cancelled by admin (a user)")
    assert symbol.pk
