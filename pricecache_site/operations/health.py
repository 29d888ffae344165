"""For load balancers and service managers: is the process alive, can it serve."""

from __future__ import annotations

from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.utils import timezone

from prices import services
from prices.jobs import schedules
from prices.store.mongo import StoreError


def alive(request: HttpRequest) -> JsonResponse:
    """200 while the process answers at all."""
    return JsonResponse({"status": "alive"})


def ready(request: HttpRequest) -> JsonResponse:
    """200 when both databases answer; 503 with the reason when not. Jobs are only reported."""
    problems = {}
    try:
        services.ping_store()
    except StoreError as error:
        problems["mongodb"] = str(error)
    try:
        connection.ensure_connection()
        now = timezone.now()
        jobs = schedules.scheduler_state(now=now).running
    except DatabaseError as error:
        problems["database"] = f"Django's database does not answer: {error}"
        jobs = False
    body = {"status": "ready" if not problems else "not ready", "jobs_running": jobs, **problems}
    return JsonResponse(body, status=503 if problems else 200)
