"""The product's routes, and beside them in the same server what it is measured against.

`/bench/empty` is what Django and the server cost anyway; `/bench/stock/<symbol>` is the endpoint
as most would write it: the same reading, rendered by Django REST framework's own means.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils import timezone
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from pricecache_site.urls import handler404, handler500
from pricecache_site.urls import urlpatterns as product
from prices import services
from prices.api.serializers import HistoryOut, HistoryQuery
from prices.domain.actions import Adjust
from prices.domain.markets import major_currency
from prices.domain.ranges import Asked
from prices.reads.reader import History

__all__ = ["handler404", "handler500", "urlpatterns"]


def empty(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


class StockView(APIView):
    renderer_classes = (JSONRenderer,)

    def get(self, request: Request, symbol: str) -> Response:
        query = HistoryQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        asked = Asked(days=query.validated_data["days"])
        history = services.reader().history(symbol, asked, Adjust.SPLITS, now=timezone.now())
        return Response(HistoryOut(_body(history)).data)


def _body(history: History) -> dict[str, Any]:
    major, units = major_currency(history.currency)
    covered = history.coverage
    return {
        "symbol": history.row.symbol,
        "renamed_from": history.renamed_from or None,
        "name": history.row.name,
        "interval": "1d",
        "currency": history.currency,
        "major_currency": major,
        "units_per_major": units,
        "adjust": history.adjust,
        "source": history.source,
        "start": history.start,
        "end": history.end,
        "count": len(history.bars),
        "as_of": history.as_of,
        "stale": bool(history.stale_reason),
        "stale_reason": history.stale_reason or None,
        "coverage": {
            "percent": covered.percent,
            "expected": covered.expected,
            "present": covered.present,
            "missing": covered.gaps,
        },
        "quote": history.quote,
        "data": [
            {"date": bar.ts.date(), **bar._asdict()}
            for bar in (history.bars[at] for at in range(len(history.bars)))
        ],
    }


urlpatterns = [
    *product,
    path("bench/empty", empty),
    path("bench/stock/<str:symbol>", StockView.as_view()),
]
