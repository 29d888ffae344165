"""`manage.py cluster`: what it does before the cluster starts."""

from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from pricecache_site.operations.management.commands.cluster import release_taken_tasks


@pytest.mark.django_db
def test_releases_the_tasks_that_killed_workers_had_locked() -> None:
    later = timezone.now() + timedelta(minutes=20)
    OrmQ.objects.create(key="pricecache", payload="x", lock=later)

    release_taken_tasks()

    assert OrmQ.objects.get().lock < timezone.now()
