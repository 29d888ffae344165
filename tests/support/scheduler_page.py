"""Steps that tests take on the scheduler page."""

from django.test import Client
from django.urls import reverse
from django_q.models import Task

from tests.support.builders import NOW

PAGE = reverse("desk:scheduler")


def press(client: Client, name: str, *key: object, **data: str) -> str:
    """Presses a button and returns the resulting page, with single spaces."""
    url = reverse(f"desk:{name}", args=key)
    answer = client.post(url, {"back": PAGE, **data}, follow=True)
    assert answer.redirect_chain == [(PAGE, 302)]
    return " ".join(answer.content.decode().split())


def broken_task() -> Task:
    """Returns a task that failed with a traceback."""
    return Task.objects.create(
        **{"id": "b" * 32, "name": "failed", "func": "prices.jobs.tasks.canary", "group": "canary"},
        **{"success": False, "result": "boom : Traceback (most recent call last): line 7"},
        started=NOW,
        stopped=NOW,
    )
