"""The Content-Security-Policy is sent with pages, and not with bars."""

from __future__ import annotations

import pytest
from django.test import Client

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]


def test_pages_have_a_policy_and_bars_have_none(client: Client) -> None:
    assert "default-src 'none'" in client.get("/admin/login/")["Content-Security-Policy"]
    assert "Content-Security-Policy" not in client.get("/cache/historical/NOSUCH")
