"""manage.py web: runs the web server in the foreground."""

import os
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from pricecache_site.operations.roles import child_environment, web_argv


class Command(BaseCommand):
    help = "Run the web server in the foreground (needs: manage.py prepare)."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        argv = web_argv()
        os.chdir(settings.BASE_DIR)
        os.execve(argv[0], argv, child_environment())  # noqa: S606  # our own command line
