"""python -m bench: runs all measures on a private server and prints one table."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pricecache_site.settings")
PORT = 21917


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="pricecache-bench-") as folder:
        os.environ["PRICECACHE_DATA_DIR"] = folder
        django.setup()
        from bench import storage
        from prices.store import mongo
        from prices.store.embedded import running_mongod

        with running_mongod(data_dir=Path(folder), port=PORT) as uri:
            db = mongo.database(uri, "bench")
            mongo.ensure_schema(db)
            print(f"{'measure':<26}{'contender':<18}{'p50 ms':>9}{'p95 ms':>9}{'ratio':>8}")
            for what, timings, floor in storage.measures(db):
                for name, timing in timings.items():
                    ratio = timing.p50 / timings[floor].p50
                    print(f"{what:<26}{name:<18}{timing.p50:>9.2f}{timing.p95:>9.2f}{ratio:>8.2f}")


if __name__ == "__main__":
    main()
