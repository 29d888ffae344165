"""A process of its own that values portfolios as a web process does, and reads the clock itself.

python -m bench.valuing USER PATH ROUNDS: prints the milliseconds of each request as JSON, the first
of them with nothing read yet, and what the last one answered.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from typing import Any


def main(user: str, path: str, rounds: int) -> dict[str, Any]:
    import django

    django.setup()
    from django.contrib.auth.models import User
    from django.test import Client

    from prices import services

    # As gunicorn does before it forks; and connected, with routes. No price is read.
    services.warm()
    gc.collect()
    gc.freeze()
    client = Client(SERVER_NAME="localhost")
    client.force_login(User.objects.get(username=user))
    assert client.get("/readyz").status_code in (200, 503)
    taken = []
    for _ in range(rounds):
        begin = time.perf_counter()
        answer = client.get(path)
        taken.append((time.perf_counter() - begin) * 1_000)
        assert answer.status_code == 200, answer.content[:300]
    body = answer.json()
    return {"ms": taken, "value": body["summary"]["value"], "warnings": len(body["warnings"])}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
