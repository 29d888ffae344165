"""`python -m tests.guards`: breaks each guard in a copy of the tree, and sees that a test fails."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from tests.guards import MUTATIONS, Mutation
from tests.guards.copies import Copy, warm_up

# What pytest says by its exit status.
PASSED, FAILED = 0, 1


def main(arguments: list[str] | None = None) -> int:
    """The exit status: 0 if every mutation makes a test fail that passes without it."""
    parser = argparse.ArgumentParser(prog="python -m tests.guards", description=__doc__)
    parser.add_argument("words", nargs="*", help="only mutations in whose file or text they are")
    parser.add_argument("--copies", type=int, default=2, help="tried at the same time")
    asked = parser.parse_args(arguments)
    mutations = [m for m in MUTATIONS if all(word in f"{m.file} {m.text}" for word in asked.words)]
    if lost := [str(error) for m in mutations if (error := m.misplaced())]:
        say("\n".join(lost))
        return 1
    warm_up()
    with tempfile.TemporaryDirectory(prefix="guards-") as folder:
        copies = [Copy.make(Path(folder) / str(at)) for at in range(asked.copies)]
        if not sound(mutations, copies[0]):
            return 1
        wrong = tried(mutations, copies)
    say(f"{len(mutations) - wrong} of {len(mutations)} mutations were killed")
    return int(wrong > 0)


def sound(mutations: list[Mutation], copy: Copy) -> bool:
    """Whether all the tests pass while nothing is broken."""
    for tests in sorted({mutation.tests for mutation in mutations}):
        if ended(copy.start(tests)) != PASSED:
            say(f"{' '.join(tests)} fail without a mutation:\n{copy.said}")
            return False
    return True


def tried(mutations: list[Mutation], copies: list[Copy]) -> int:
    """How many mutations were not killed, each of which is told."""
    free, wrong = list(copies), 0
    at_work: dict[int, tuple[Mutation, Copy, str]] = {}
    waiting = list(reversed(mutations))
    while waiting or at_work:
        if waiting and free:
            mutation, copy = waiting.pop(), free.pop()
            source = (copy.folder / mutation.file).read_text()
            (copy.folder / mutation.file).write_text(mutation.applied(source))
            at_work[copy.start(mutation.tests)] = (mutation, copy, source)
            continue
        pid, status = os.wait()
        mutation, copy, source = at_work.pop(pid)
        (copy.folder / mutation.file).write_text(source)
        verdict = verdict_of(mutation, copy, os.waitstatus_to_exitcode(status))
        say(verdict or f"killed: {mutation}")
        wrong += bool(verdict)
        free.append(copy)
    return wrong


def verdict_of(mutation: Mutation, copy: Copy, status: int) -> str:
    """Empty if a test failed, as it must; else what is wrong."""
    if status == FAILED:
        return ""
    if status == PASSED:
        return f"SURVIVED: {mutation}"
    return f"COULD NOT BE TRIED: {mutation}\n{copy.said}"


def ended(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
