"""The product's routes and two views to compare with.

`/bench/empty` costs what Django and the server cost anyway. `/bench/stock/<symbol>` is the endpoint
as most projects would write it: the same read, rendered with Django REST framework's serializers.
"""

from __future__ import annotations

from dataclasses import replace

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils import timezone
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from pricecache_site.urls import urlpatterns as product
from prices import services
from prices.api.bodies import history_body
from prices.api.serializers import HistoryOut, HistoryQuery
from prices.domain.actions import Adjust
from prices.domain.bars import BarSeries
from prices.domain.coverage import RequestedRange


def empty(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


class StockView(APIView):
    renderer_classes = (JSONRenderer,)

    def get(self, request: Request, symbol: str) -> Response:
        query = HistoryQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        asked = RequestedRange(days=query.validated_data["days"])
        history = services.reader().history(symbol, asked, Adjust.SPLITS, now=timezone.now())
        bars = [history.bars[at] for at in range(len(history.bars))]
        # Without bars, so that the product's fast rendering of them is not part of this view.
        body = history_body(replace(history, bars=BarSeries.empty()))
        data = [{"date": bar.ts.date(), **bar._asdict()} for bar in bars]
        return Response(HistoryOut({**body, "count": len(bars), "data": data}).data)


urlpatterns = [
    *product,
    path("bench/empty", empty),
    path("bench/stock/<str:symbol>", StockView.as_view()),
]
