"""manage.py mongod: runs the embedded MongoDB alone, in the foreground."""

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Run the embedded MongoDB in the foreground (the same as: manage.py up --only mongod)."

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("up", only=["mongod"])
