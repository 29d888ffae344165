"""manage.py demo_portfolio: creates a portfolio over the sample's symbols."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from portfolio.demo import NAME, NoSample, create_demo


class Command(BaseCommand):
    help = "Create a portfolio over the sample's symbols (2003 to 2012), unless it exists already."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--owner", default=settings.ADMIN_USER, help="Name of its owner.")

    def handle(self, *, owner: str, **options: Any) -> None:
        user = User.objects.filter(username=owner).first()
        if user is None:
            raise CommandError(f"There is no user “{owner}”. Name another one with --owner.")
        try:
            is_new = create_demo(user, now=timezone.now()) is not None
        except NoSample as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"“{NAME}” of {owner} {'was created' if is_new else 'exists already'}.")
