"""Who may do what, by hand, and the tables of docs/access.md that are made of it.

`python -m tests.support.access_table` writes them into the document. A rule is a list of
alternatives, each a set of rights that suffices together; a staff user needs one of them.
"""

from __future__ import annotations

from pathlib import Path

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "access.md"
BEGIN, END = "<!-- made by tests/support/access_table.py -->", "<!-- end -->"

Rule = list[set[str]]
# Anybody; anybody by setting; any account; any staff user; nobody, not even a superuser.
OPEN, READ, ACCOUNT, STAFF, NOBODY = "open", "read", "account", "staff", "nobody"


def either(*rights: str) -> Rule:
    return [{right} for right in rights]


SYMBOLS = either("prices.change_trackedsymbol")
SYMBOL_PAGES = either("prices.view_trackedsymbol", "prices.change_trackedsymbol")

API: dict[str, Rule | str] = {
    "GET /cache/status": READ,
    "GET /cache/scheduler/status": READ,
    "GET /cache/historical/{symbol}": READ,
    "GET /cache/actions/{symbol}": READ,
    "GET /cache/corrections/{symbol}": READ,
    "GET /cache/quarantine": READ,
    "GET /cache/runs/{run_id}": READ,
    "GET /cache/schema": OPEN,
    "GET /cache/docs": OPEN,
    "POST /cache/quarantine/release": SYMBOLS,
    "POST /cache/quarantine/keep": SYMBOLS,
    "POST /cache/refresh-live": SYMBOLS,
    "POST /cache/sync-historical": SYMBOLS,
    "POST /cache/try-now": either("django_q.change_schedule"),
    "POST /cache/backfill-symbol (tracked)": SYMBOLS,
    "POST /cache/backfill-symbol (new)": either("prices.add_trackedsymbol"),
    "POST /cache/backfill-all": SYMBOLS,
    "GET /portfolio": ACCOUNT,
    "POST /portfolio": ACCOUNT,
    "GET /portfolio/{portfolio_id}": ACCOUNT,
    "PATCH /portfolio/{portfolio_id}": ACCOUNT,
    "DELETE /portfolio/{portfolio_id}": ACCOUNT,
    "GET /portfolio/{portfolio_id}/history": ACCOUNT,
    "GET /portfolio/{portfolio_id}/complete": ACCOUNT,
    "GET /portfolio/{portfolio_id}/live": ACCOUNT,
    "GET /portfolio/{portfolio_id}/transactions": ACCOUNT,
    "POST /portfolio/{portfolio_id}/transactions": ACCOUNT,
    "GET /portfolio/{portfolio_id}/transactions/{transaction_id}": ACCOUNT,
    "PUT /portfolio/{portfolio_id}/transactions/{transaction_id}": ACCOUNT,
    "PATCH /portfolio/{portfolio_id}/transactions/{transaction_id}": ACCOUNT,
    "DELETE /portfolio/{portfolio_id}/transactions/{transaction_id}": ACCOUNT,
    "POST /portfolio/{portfolio_id}/import": ACCOUNT,
    "GET /portfolio/{portfolio_id}/export": ACCOUNT,
}

# Pages and buttons of the admin besides those that each model has, by the name of their route.
PAGES: dict[str, tuple[str, Rule | str]] = {
    "index": ("GET", STAFF),
    "app_list": ("GET", STAFF),
    "search": ("GET", STAFF),
    "jsi18n": ("GET", STAFF),
    "password_change": ("GET", STAFF),
    "password_change_done": ("GET", STAFF),
    "dashboard_live": ("GET", STAFF),
    "scheduler": ("GET", [{"django_q.view_schedule", "prices.view_syncrun"}]),
    "corrections": ("GET", either("prices.view_trackedsymbol")),
    "job": ("POST", either("django_q.change_schedule")),
    "try_provider": ("POST", either("django_q.change_schedule")),
    "cancel": ("POST", either("prices.change_syncrun")),
    "run_again": ("POST", either("prices.change_syncrun")),
    "task_again": ("POST", either("django_q.change_failure")),
    "auth_user_password_change": ("GET", either("auth.change_user")),
    "prices_quarantine_chart": (
        "GET",
        either("prices.view_quarantine", "prices.change_quarantine"),
    ),
    "prices_quarantine_decide": ("POST", SYMBOLS),
    "prices_trackedsymbol_progress": ("GET", SYMBOL_PAGES),
    "prices_trackedsymbol_progress_data": ("GET", SYMBOL_PAGES),
    "prices_trackedsymbol_chart": ("GET", SYMBOL_PAGES),
    "prices_trackedsymbol_act": ("POST", SYMBOLS),
    "prices_trackedsymbol_fill": ("POST", SYMBOLS),
}
# Routes that decide nothing themselves: they log in or out, redirect, or complete a form's field
# for users who may see what is completed.
WITHOUT_RULE = {"login", "logout", "view_on_site", "autocomplete", None}

# What a model's pages need: of the list, the page and the history of a row; of adding; of deleting.
# Portfolios and transactions are shown to their owner only.
SEE = ("view", "change")
MODELS: dict[str, dict[str, tuple[str, ...] | str]] = {
    "auth.user": {"see": SEE, "add": "add and change", "delete": ("delete",)},
    "auth.group": {"see": SEE, "add": ("add",), "delete": ("delete",)},
    "operations.apitoken": {"see": SEE, "add": ("add",), "delete": ("delete",)},
    "admin.logentry": {"see": SEE, "add": (), "delete": ()},
    "prices.trackedsymbol": {"see": SEE, "add": ("add",), "delete": ("delete",)},
    "prices.tag": {"see": SEE, "add": ("add",), "delete": ("delete",)},
    "prices.calendaroverride": {"see": SEE, "add": ("add",), "delete": ("delete",)},
    "prices.syncrun": {"see": SEE, "add": (), "delete": ()},
    "prices.quarantine": {"see": SEE, "add": (), "delete": ()},
    "prices.readcount": {"see": SEE, "add": (), "delete": ()},
    "django_q.schedule": {"see": SEE, "add": (), "delete": ()},
    "django_q.success": {"see": SEE, "add": (), "delete": ()},
    "django_q.failure": {"see": SEE, "add": (), "delete": ("delete",)},
    "django_q.ormq": {"see": SEE, "add": (), "delete": ("delete",)},
    "portfolio.portfolio": {"see": SEE, "add": (), "delete": ("delete",)},
    "portfolio.transaction": {"see": SEE, "add": (), "delete": ("delete",)},
}

# The actions of lists, beside the right to see the list.
ACTIONS: dict[str, Rule] = {
    "prices.trackedsymbol sync_now": SYMBOLS,
    "prices.trackedsymbol backfill": SYMBOLS,
    "prices.trackedsymbol verify": SYMBOLS,
    "prices.trackedsymbol suspend": SYMBOLS,
    "prices.trackedsymbol resume": SYMBOLS,
    "prices.trackedsymbol tag": SYMBOLS,
    "prices.trackedsymbol export": SYMBOL_PAGES,
    "prices.quarantine release": SYMBOLS,
    "prices.quarantine keep": SYMBOLS,
    "django_q.schedule run_now": either("django_q.change_schedule"),
    "django_q.failure run_again": either("django_q.change_failure"),
    **{
        f"{model} delete_selected": either(f"{model.replace('.', '.delete_')}")
        for model, needs in MODELS.items()
        if needs["delete"] and model != "django_q.ormq"
    },
    "django_q.ormq delete_selected": either("django_q.delete_ormq"),
}


def model_rule(model: str, page: str) -> Rule:
    """Returns the rule of a page of a model: see, add or delete."""
    app, name = model.split(".")
    needs = MODELS[model][page]
    if isinstance(needs, str):
        return [{f"{app}.{verb}_{name}" for verb in needs.split(" and ")}]
    return either(*(f"{app}.{verb}_{name}" for verb in needs))


def all_rights() -> set[str]:
    """Returns every right that a rule names."""
    rules = [*API.values(), *(rule for _, rule in PAGES.values()), *ACTIONS.values()]
    rules += [model_rule(model, page) for model in MODELS for page in ("see", "add", "delete")]
    return {right for rule in rules if not isinstance(rule, str) for each in rule for right in each}


def words(rule: Rule | str) -> str:
    if isinstance(rule, str):
        return "yes" if rule != NOBODY else "no"
    return " or ".join(" and ".join(f"`{r}`" for r in sorted(each)) for each in rule) or "nobody"


def _api_row(route: str, rule: Rule | str) -> str:
    anonymous = "yes" if rule in (OPEN, READ) else "401"
    user = "yes" if isinstance(rule, str) else "403"
    staff = "yes" if isinstance(rule, str) else "403"
    return f"| `{route}` | {anonymous} | {user} | {staff} | {words(rule)} | yes | 401 |"


def tables() -> str:
    """Returns the tables as Markdown."""
    api = [
        "| route | anonymous | user | staff | staff with | superuser | expired or revoked token |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *(_api_row(route, rule) for route, rule in API.items()),
    ]
    pages = ["| page or button | staff with | superuser |", "| --- | --- | --- |"]
    pages += [
        f"| {method} `{name}` | {'any right' if rule == STAFF else words(rule)} | yes |"
        for name, (method, rule) in PAGES.items()
    ]
    models = ["| model | list, page, history | add | delete |", "| --- | --- | --- | --- |"]
    models += [
        f"| `{model}` | "
        + " | ".join(
            needs if isinstance(needs, str) else " or ".join(needs) or "nobody"
            for needs in needed.values()
        )
        + " |"
        for model, needed in MODELS.items()
    ]
    actions = ["| action of a list | staff with | superuser |", "| --- | --- | --- |"]
    actions += [f"| `{name}` | {words(rule)} | yes |" for name, rule in ACTIONS.items()]
    return "\n\n".join("\n".join(table) for table in (api, pages, models, actions))


def document_with_tables() -> str:
    text = DOCUMENT.read_text()
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{tables()}\n\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    DOCUMENT.write_text(document_with_tables())
