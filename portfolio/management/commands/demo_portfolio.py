"""manage.py demo_portfolio: a portfolio over the sample's symbols."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from portfolio.demo import NAME, NoSample, demo_portfolio


class Command(BaseCommand):
    help = "Make a portfolio over the sample's symbols (2003 to 2012), if it is not there yet."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--owner", default=settings.ADMIN_USER, help="Whose it is.")

    def handle(self, *, owner: str, **options: Any) -> None:
        user = User.objects.filter(username=owner).first()
        if user is None:
            raise CommandError(f"There is no user “{owner}”: name another with --owner.")
        try:
            made = demo_portfolio(user, now=timezone.now())
        except NoSample as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"“{NAME}” of {owner} is {'made' if made else 'there already'}.")
