"""The health routes."""

import pytest
from django.test import Client

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]


def test_alive(client: Client) -> None:
    assert client.get("/healthz").json() == {"status": "alive"}


def test_ready(client: Client) -> None:
    answer = client.get("/readyz")

    assert answer.status_code == 200
    assert answer.json() == {"status": "ready", "jobs_running": False}


@pytest.mark.usefixtures("no_store")
def test_not_ready_without_the_store(client: Client) -> None:
    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert "MongoDB" in answer.json()["mongodb"]
