"""manage.py refresh_live: whose quotes it renews."""

import pytest

from prices import services
from prices.domain.quotes import Quote
from tests.support.builders import NOW, tracked
from tests.support.commands import manage
from tests.support.fakes import FakeProvider

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fixed_now")]


class TestRefreshLive:
    def test_takes_all(self, provider: FakeProvider) -> None:
        tracked("AAA")
        provider.quoted = {"AAA": Quote("AAA", 5.0, NOW, NOW, "REGULAR")}

        said = manage("refresh_live")

        assert "1 updated" in said
        assert services.quotes().get(["AAA"])["AAA"].price == 5.0
