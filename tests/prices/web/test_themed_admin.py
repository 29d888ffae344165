"""Every list of the admin, asked for what databases and regular expressions cannot bear."""

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from prices.web.themed_admin import MAX_SEARCH_WORDS
from tests.support.admin_pages import listed, open_list
from tests.support.builders import tracked

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]

LISTS = [
    reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    for model in admin.site._registry
]
QUERIES = {
    "words": "q=" + "a+" * 3_000,
    "quotes": "q=" + "%22" * 2_000,
    "wildcards": "q=" + "%25" * 2_000,
    "control characters": "q=a%0D%0A%1B%5B2J",
    "columns": "o=" + "1." * 3_000,
    "column": "o=" + "9" * 5_000,
    "page": "p=" + "9" * 4_000,
    "regex": "symbol__iregex=(((",
    "slow regex": "username__regex=(a%2B)%2B%24",
    "year": "date__year=" + "9" * 4_000,
    "year 0": "date__year=0",
    "year 0000": "date__year=0000",
    "the last month": "date__year=9999&date__month=12",
    "month": "date__year=2024&date__month=" + "9" * 30,
    "day": "date__year=2024&date__month=2&date__day=31",
    "NUL": "kind__exact=%00",
    "secret": "password__startswith=a",
    "ids": "id__in=" + "1," * 3_000,
}


@pytest.mark.parametrize("query", QUERIES.values(), ids=list(QUERIES))
def test_no_query_breaks_a_list(admin_client: Client, query: str) -> None:
    admin_client.raise_request_exception = False
    for address in LISTS:
        answer = admin_client.get(f"{address}?{query}")

        # 302: the list without the parameter that it does not know.
        assert answer.status_code in (200, 302, 400, 403), (address, answer.status_code)


@pytest.mark.parametrize("key", ["x", "a\x00b", "1" * 5_000, "9" * 30, "1.5"])
def test_no_chosen_key_breaks_an_action(admin_client: Client, key: str) -> None:
    admin_client.raise_request_exception = False
    for address in LISTS:
        for action in ("delete_selected", "tag", "export", "backfill", "run_now"):
            data = {"action": action, "_selected_action": key, "chosen": f"[{key}"}
            answer = admin_client.post(address, data)

            assert answer.status_code in (200, 302, 400, 403), (address, action)


def test_says_that_a_search_has_too_many_words(admin_client: Client) -> None:
    tracked("A")

    assert listed(admin_client, "?q=" + "a+" * MAX_SEARCH_WORDS) == ["A"]
    assert listed(admin_client, "?q=" + "a+" * (MAX_SEARCH_WORDS + 1)) == []
    assert "more than 30 words. Use fewer." in open_list(admin_client, "?q=" + "a+" * 31)
