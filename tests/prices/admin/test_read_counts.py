"""The list of reads: hit rates and medians by the hour, and that nobody can change them."""

import pytest
from django.test import Client
from django.urls import reverse

from prices.models import ReadCount
from tests.support.builders import NOW

pytestmark = pytest.mark.django_db

LIST = reverse("admin:prices_readcount_changelist")


def test_shows_the_hit_rate_and_the_median(admin_client: Client) -> None:
    # Three reads of 2^8 to 2^8.25 µs, one of a second.
    ReadCount.objects.create(hour=NOW, hits=3, misses=1, timings={"32": 3, "79": 1})

    page = admin_client.get(LIST).content.decode()

    assert "75 %" in page
    assert "0.28 ms" in page


def test_shows_hours_without_reads(admin_client: Client) -> None:
    ReadCount.objects.create(hour=NOW, hits=0, misses=0, timings={})

    assert admin_client.get(LIST).status_code == 200


def test_cannot_be_changed(admin_client: Client) -> None:
    count = ReadCount.objects.create(hour=NOW, hits=3, misses=1, timings={})
    change = reverse("admin:prices_readcount_change", args=[count.pk])

    assert admin_client.get(change).status_code == 200
    assert admin_client.post(change, {"hits": "9"}).status_code == 403
