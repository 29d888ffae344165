"""The mutation check: what is broken, how, and which tests must see it."""

from __future__ import annotations

from tests.guards.mutation import Mutation
from tests.guards.of_answers import ANSWERS
from tests.guards.of_limits import LIMITS
from tests.guards.of_series import SERIES
from tests.guards.of_store import STORE

MUTATIONS: tuple[Mutation, ...] = (*ANSWERS, *SERIES, *STORE, *LIMITS)

__all__ = ["MUTATIONS", "Mutation"]
