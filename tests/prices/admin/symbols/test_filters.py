"""The filters of the list of symbols, with figures that are known by hand."""

import pytest
from django.test import Client

from prices.models import Tag, TrackedSymbol
from tests.support.admin_pages import (
    listed,
    open_list,
    track_several,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("state=fresh", "HOLED WHOLE"),
        ("state=stale", ""),
        ("state=failing", "OLD"),
        ("state=suspended", "GONE"),
        ("state=no-history", "NEW"),
        ("coverage=whole", "WHOLE"),
        ("coverage=poor", "GONE HOLED OLD"),
        ("coverage=unknown", "NEW"),
        ("gaps=some", "HOLED"),
        ("gaps=many", ""),
        ("gaps=none", "GONE OLD WHOLE"),
        ("age=0", "HOLED WHOLE"),
        ("age=1", "GONE"),
        ("age=2-5", "OLD"),
        ("age=unknown", "NEW"),
        ("first=since-2020", "GONE HOLED OLD WHOLE"),
        ("first=1990s", ""),
        ("first=none", "NEW"),
        ("last=week", "GONE HOLED OLD WHOLE"),
        ("last=older", ""),
        ("reads=never", "GONE NEW"),
        ("reads=some", "OLD WHOLE"),
        ("reads=many", "HOLED"),
        ("active__exact=0", "GONE"),
        ("market=LSE", "HOLED"),
        ("fetch=failed", "OLD"),
        ("sync=never", "NEW"),
        ("sync=lagging", "GONE NEW OLD"),
        ("tag=none", "GONE HOLED NEW OLD WHOLE"),
        ("age=0&gaps=none", "WHOLE"),
        ("state=fresh&q=whole", "WHOLE"),
        ("state=nonsense", "GONE HOLED NEW OLD WHOLE"),
    ],
)
def test_filters_by_figures_and_fields(admin_client: Client, query: str, found: str) -> None:
    track_several()

    assert listed(admin_client, f"?{query}") == found.split()


def test_filters_by_tag(admin_client: Client) -> None:
    track_several()
    tag = Tag.objects.create(name="core")
    TrackedSymbol.objects.get(symbol="OLD").tags.add(tag)

    assert listed(admin_client, f"?tag={tag.pk}") == ["OLD"]
    assert "core" in open_list(admin_client, f"?tag={tag.pk}")
