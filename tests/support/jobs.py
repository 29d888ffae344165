"""Does the work of the cluster in tests."""

from django_q.models import OrmQ

from prices.jobs import tasks
from tests.support.builders import tracked


def run_queue() -> None:
    """Performs the queued tasks until none is left, as the workers do."""
    while task := OrmQ.objects.order_by("id").first():
        task.delete()
        tasks.perform(*task.task["args"])


def track_new(*symbols: str) -> None:
    """Tracks symbols that were never fetched."""
    for symbol in symbols:
        tracked(symbol, last_update=None, mic="XNYS", name="")
