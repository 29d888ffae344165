"""The mutation check itself: its list must not rot with the source."""

from __future__ import annotations

import pytest

from tests.guards import MUTATIONS, Mutation
from tests.guards.mutation import ROOT


@pytest.mark.parametrize("mutation", MUTATIONS, ids=str)
def test_a_mutation_changes_one_place_and_leaves_it_python(mutation: Mutation) -> None:
    assert mutation.misplaced() == ""
    source = (ROOT / mutation.file).read_text()
    broken = mutation.applied(source)
    assert broken != source
    compile(broken, mutation.file, "exec")
    assert [
        t for t in mutation.tests if "/" in t and not (ROOT / t.partition("::")[0]).exists()
    ] == []
