"""Child processes with small real ones: how they start, end, and die with their parent."""

import signal
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from pricecache_site.operations.processes import Child, ChildSpec, ChildState
from tests.support.process_trees import FOREVER, Tree, is_gone, until


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Tree]:
    tree = Tree(tmp_path)
    yield tree
    tree.end()


def spawn(code: str) -> Child:
    child = Child(ChildSpec("child", [sys.executable, "-u", "-c", code]))
    child.spawn()
    return child


class TestChild:
    def test_returns_whole_lines_and_the_rest_at_the_end(self):
        child = spawn("print('one'); print('two'); print('rest', end='')")
        until(child.check_exit)

        assert child.read() == ["one", "two", "rest"]
        assert child.output is None
        assert child.read() == []

    def test_says_how_it_ended(self):
        child = spawn("raise SystemExit(3)")
        until(child.check_exit)

        assert child.state is ChildState.EXITED
        assert child.exit_message() == "child ended with status 3."
        child.read()

    def test_says_why_it_was_killed(self):
        child = spawn("import time; time.sleep(600)")
        child.kill("too slow")
        until(child.check_exit)

        assert child.exit_message() == "child was killed (too slow)."
        child.read()


class TestOrphans:
    def test_no_child_outlives_a_supervisor_that_was_killed(self, tree):
        tree.run(FOREVER)
        pids = [tree.started("one"), tree.started("two")]

        tree.kill(signal.SIGKILL)

        for pid in pids:
            until(partial(is_gone, pid))

    def test_a_child_may_ask_for_another_signal(self, tree):
        tree.run("""
            from signal import SIGTERM
            code = '''
            def bye(*_):
                (FOLDER / "bye.pid").write_text("1")
                sys.exit()
            signal.signal(signal.SIGTERM, bye)
            (FOLDER / "up").touch()
            time.sleep(600)
            '''
            import textwrap
            with Supervisor() as s:
                s.start(python(textwrap.dedent(code), orphan_signal=SIGTERM,
                               ready=(FOLDER / "up").exists))
                (FOLDER / "all.pid").write_text("1")
                s.run()
        """)
        tree.started("all")

        tree.kill(signal.SIGKILL)

        tree.started("bye")

    def test_forks_of_forks_die_with_the_first_process(self, tree):
        tree.run("""
            import os
            from pricecache_site.operations.processes import die_with_parent_after_every_fork
            die_with_parent_after_every_fork()
            for name in ("fork", "fork-of-fork"):
                if os.fork():
                    break
                (FOLDER / f"{name}.pid").write_text(str(os.getpid()))
            time.sleep(600)
        """)
        pids = [tree.started("fork"), tree.started("fork-of-fork")]

        tree.kill(signal.SIGKILL)

        for pid in pids:
            until(partial(is_gone, pid))
