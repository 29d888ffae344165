"""manage.py rename: what it prints."""

import pytest
from django.core.management.base import CommandError

from tests.support.builders import WEEK, published, tracked
from tests.support.commands import manage
from tests.support.renaming import NO_ACTIONS, facebook

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("provider", "fixed_now")]


class TestCommand:
    def test_prints_the_result(self) -> None:
        facebook()

        first, second = manage("rename", "fb", "meta"), manage("rename", "FB", "META")

        assert first == (
            "FB is called META now (5 bars, 2026-06-02 to 2026-06-08). Reads of FB lead there.\n"
        )
        assert second == "FB is called META already. Nothing is left to do.\n"

    def test_prints_that_histories_were_joined(self) -> None:
        facebook()
        tracked("META")
        published("META", WEEK[3:], NO_ACTIONS)

        said = manage("rename", "FB", "META")

        assert "(5 bars, 2026-06-02 to 2026-06-08, joined with those it had)" in said

    def test_fails_with_a_sentence(self) -> None:
        with pytest.raises(CommandError, match="NOPE is not tracked"):
            manage("rename", "NOPE", "META")

        with pytest.raises(CommandError, match="is not a symbol"):
            manage("rename", "NO PE", "META")
