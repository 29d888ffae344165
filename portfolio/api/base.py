"""What the portfolio's endpoints share: who may, whose it is, and how refusals are told."""

from __future__ import annotations

from typing import Any, cast

from django.contrib.auth.models import User
from django.http import Http404
from django.utils import timezone
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portfolio.booking import Refused
from portfolio.domain.entries import InvalidEntry
from portfolio.models import Portfolio
from portfolio.reports import Report, report
from prices.web.problems import problem
from prices.web.serializers import ProblemOut, StrictSerializer

# What runs say of who asked for them. No name: anybody may read of a run, and of its symbols.
TRIGGER = "portfolio"
ERRORS = {400: ProblemOut, 401: ProblemOut, 404: ProblemOut}


class OwnerView(APIView):
    """Only who is known may ask, and only for what is his: the rest does not exist for him."""

    permission_classes = (IsAuthenticated,)

    def owner(self, request: Request) -> User:
        return cast(User, request.user)

    def portfolio(self, request: Request, portfolio_id: int) -> Portfolio:
        """:raises Http404: there is none, or it is somebody else's."""
        found = Portfolio.objects.filter(pk=portfolio_id, owner=self.owner(request)).first()
        if found is None:
            raise Http404(f"There is no portfolio {portfolio_id} of yours.")
        return found

    def report(self, request: Request, portfolio_id: int, *, benchmark: str = "") -> Report:
        portfolio = self.portfolio(request, portfolio_id)
        return report(portfolio, now=timezone.now(), benchmark=benchmark)

    def handle_exception(self, exc: Exception) -> Response:
        """What the rules of booking refuse is a problem as any other."""
        if isinstance(exc, InvalidEntry):
            return self._as_problem(problem(400, str(exc), parameter=exc.field))
        if isinstance(exc, Refused):
            return self._as_problem(problem(400, str(exc), parameter="quantity"))
        return super().handle_exception(exc)

    def _as_problem(self, answer: Response) -> Response:
        answer.exception = True
        return answer


def valid(serializer: type[StrictSerializer], data: Any, **options: Any) -> dict[str, Any]:
    """:raises ValidationError:"""
    checked = serializer(data=data, **options)
    checked.is_valid(raise_exception=True)
    values: dict[str, Any] = checked.validated_data
    return values
