"""Guards of what is published, and of what a reader is given."""

from __future__ import annotations

from tests.guards.mutation import Mutation


def _publish(text: str, broken: str) -> Mutation:
    tests = ("tests/prices/sync/test_publish.py", "tests/prices/symbols/test_quarantine.py")
    return Mutation("prices/sync/publish.py", text, broken, tests)


def _bars(text: str, broken: str) -> Mutation:
    tests = (
        "tests/prices/store/test_bars.py",
        "tests/prices/store/test_manifests.py",
        "tests/prices/symbols/test_quarantine.py",
    )
    return Mutation("prices/store/bars.py", text, broken, tests)


def _manifests(text: str, broken: str) -> Mutation:
    tests = (
        "tests/prices/store/test_bars.py",
        "tests/prices/store/test_blocks.py",
        "tests/prices/store/test_catalog.py",
    )
    return Mutation("prices/store/manifests.py", text, broken, tests)


def _read_model(file: str, text: str, broken: str) -> Mutation:
    return Mutation(f"prices/store/{file}", text, broken, (f"tests/prices/store/test_{file}",))


def _packing(text: str, broken: str) -> Mutation:
    tests = ("tests/prices/store/test_packing.py",)
    return Mutation("prices/store/packing.py", text, broken, tests)


STORE = (
    # What is refused is not written.
    _publish("if decision.change in (Change.REFUSE, Change.WHOLE):", "if False:"),
    _publish("known.pop() if known else bars.read(key)", "stored"),
    _publish("if base is not None and stored is not None and not late:", "if base and stored:"),
    _publish("and base and not (base.dirty or base.pending):", "and base:"),
    _publish("corrections=decision.corrections,", "corrections=(),"),
    _publish("run=self.run,", "run=None,"),
    # What the manifest says: final only what is closed and there, the first unit for ever.
    _publish("min(settled, last) if settled", "last if settled"),
    _publish("currencies if keeps_unit else currencies[::-1]", "currencies[::-1]"),
    _publish("min(fetched.asked.end, now.date() + _DAY)", "fetched.asked.end"),
    _publish("asked=merged([*before.asked, asked]),", "asked=(asked,),"),
    _publish("if s <= (closed or self.now.date() - _DAY)]", "]"),
    # A reader gets what is published, all of it, and nothing else.
    _bars("bars = bars.take(bars.ts <= moment(manifest.last)) if manifest.last else bars", "pass"),
    _bars("or len(bars) == manifest.count:", "or True:"),
    _bars('if document is None or document.get("generation") is None:', "if document is None:"),
    # A writer appends only what follows, and never to the remains of another's write.
    _bars("and not (base.dirty or base.pending)", ""),
    _bars("or bars.ts[0] <= moment(base.last):", "or False:"),
    _bars('(base.version, {"dirty": True})', "(base.version, {})"),
    _bars('"dirty": False,\n            "pending": None,', '"pending": None,'),
    _bars("swap(base, pending, retire=base.pending, now=now)", "swap(base, pending)"),
    _bars(
        "documents = bar_documents(bars, bars_key(key, generation))",
        "documents = bar_documents(bars.take(slice(1, None)), bars_key(key, generation))",
    ),
    _bars(
        'if not len(bars):\n            raise ValueError("a series cannot',
        'if False:\n            raise ValueError("a series cannot',
    ),
    _bars("retire=retired, now=now, session=session", "retire=retired, now=now"),
    # Each change of a manifest is a compare-and-swap on its version.
    _manifests('{"_id": str(base.key), "version": base.version}', '{"_id": str(base.key)}'),
    _manifests('            "$inc": {"version": 1},', '            "$inc": {"version": 0},'),
    _manifests('stamp = {"$inc": {"version": 1}', 'stamp = {"$inc": {"version": 0}'),
    _manifests('{"_id": str(key), "version": version}', '{"_id": str(key)}'),
    _manifests('"$currentDate": {"changed_at": True},  #', "#"),
    _manifests('"delete_after": now + GRACE', '"delete_after": now'),
    # A block of other content is no block, and memory is as new as the manifest.
    _read_model(
        "blocks.py",
        'if block is None or block["generation"] !=',
        "if block is None or manifest.generation !=",
    ),
    _read_model("blocks.py", "if lacking not in (0, 1) or", "if lacking < 0 or"),
    _packing("len(self.data) != (times + 4 * prices + volumes) * self.count", "False"),
    _packing("return self.count if steps > times[-1] else int(", "return int("),
    _packing("steps = -((self.first - ms) // ", "steps = ((ms - self.first) // "),
    _packing("at < milliseconds(end)", "at <= milliseconds(end)"),
    _packing("(single == column).all()", "True"),
    _packing("(hundredths / 100 == column).all()", "True"),
    _read_model("series_cache.py", "versions.get(k) == held[k].manifest.version", "True"),
    _read_model("series_cache.py", 'if self._checks > BUSY else float("inf")', "if True else 0.0"),
    _read_model("series_cache.py", "if held.weight <= self._held.maxsize:", "if True:"),
)
