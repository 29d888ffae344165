"""manage.py rebuild_blocks: pack every series again."""

from typing import Any

from django.core.management.base import CommandParser

from prices import services
from prices.management.foreground import ForegroundCommand, tracked_names
from prices.store.packing import Packed


class Command(ForegroundCommand):
    help = "Pack series again into the blocks that reads are answered from. Harmless at any time."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("symbols", nargs="*", help="Default: all that are stored.")

    def work(self, *, symbols: list[str], **_: Any) -> None:
        names = tracked_names(symbols) if symbols else None
        bars, blocks = services.bars(), services.blocks()
        count = 0
        for key in sorted(bars.manifests(names), key=str):
            stored = bars.read(key)
            if stored is not None:
                blocks.write([(stored.manifest, Packed.of(stored.bars))])
                count += 1
        self.stdout.write(f"{count} series packed.")
