"""Shared parts of the portfolio's endpoints: authentication, ownership, schema and errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.fields import empty
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portfolio.booking import Refused
from portfolio.domain.entries import InvalidEntry
from portfolio.models import Portfolio, find_portfolio
from prices.web.problems import problem
from prices.web.serializers import ProblemOut, StrictSerializer

# The trigger of runs started here. It names no user, because anybody may read the runs.
TRIGGER = "portfolio"


def documented(
    operation_id: str, response: Any, *, status: Any = 200, query: Any = None, body: Any = None
) -> Callable[[Any], Any]:
    """Describes an endpoint in the schema, with the errors that every endpoint has."""
    return extend_schema(
        operation_id=operation_id,
        parameters=[query] if query else None,
        request=body or empty,
        responses={status: response, **dict.fromkeys((400, 401, 404), ProblemOut)},
    )


class OwnerView(APIView):
    """Serves logged-in users their own portfolios; others' portfolios do not exist for them."""

    permission_classes = (IsAuthenticated,)

    def portfolio(self, request: Request, portfolio_id: int) -> Portfolio:
        """:raises Http404: there is none, or it belongs to another user."""
        return find_portfolio(request.user.pk, portfolio_id)

    def handle_exception(self, exc: Exception) -> Response:
        """Answers a refused booking with problem+json."""
        if not isinstance(exc, InvalidEntry | Refused):
            return super().handle_exception(exc)
        field = exc.field if isinstance(exc, InvalidEntry) else "quantity"
        answer = problem(400, str(exc), parameter=field)
        answer.exception = True
        return answer


def validate(serializer: type[StrictSerializer], data: Any, **options: Any) -> dict[str, Any]:
    """Returns the validated values. :raises ValidationError:"""
    bound = serializer(data=data, **options)
    bound.is_valid(raise_exception=True)
    values: dict[str, Any] = bound.validated_data
    return values
