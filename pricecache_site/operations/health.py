"""Health endpoints for load balancers and service managers."""

from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from prices import services
from prices.jobs.cluster_health import cluster_state
from prices.store.mongo import StoreError, ping


@csrf_exempt  # Another method is answered 405, not 403.
@require_safe
def alive(request: HttpRequest) -> JsonResponse:
    """Answers 200 while the process answers at all."""
    return JsonResponse({"status": "alive"})


@csrf_exempt
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """Answers 200 if both databases answer, else 503 with the reasons.

    Whether jobs run is reported, but does not make the process unready.
    """
    problems = {}
    try:
        connection.ensure_connection()
        try:
            ping(services.database())
        except StoreError as error:
            problems["mongodb"] = str(error)
        jobs_run = cluster_state(now=timezone.now()).jobs_run
    except DatabaseError as error:
        problems["database"] = f"Django's database does not answer: {error}"
        jobs_run = False
    status = "not ready" if problems else "ready"
    body = {"status": status, "jobs_running": jobs_run, **problems}
    return JsonResponse(body, status=503 if problems else 200)
