"""The supervisor with small real processes: how it ends them, and how they end without it."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.support.process_trees import FOREVER, Tree, is_gone, until


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Tree]:
    tree = Tree(tmp_path)
    yield tree
    tree.end()


class TestStop:
    ORDER = """
        note = '''
        def bye(*_):
            (FOLDER / "order").open("a").write("NAME ")
            time.sleep(0.3)
            sys.exit()
        signal.signal(signal.SIGTERM, bye)
        (FOLDER / "NAME.up").touch()
        time.sleep(600)
        '''
        import textwrap
        def spec(name, stage):
            code = textwrap.dedent(note).replace("NAME", name)
            return python(code, name=name, stage=stage, ready=(FOLDER / f"{name}.up").exists)
        with Supervisor() as s:
            s.start(spec("base", 0))
            s.start(spec("a", 1), spec("b", 1))
            (FOLDER / "all.pid").write_text("1")
            s.run()
    """

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
    def test_stops_the_highest_stage_first(self, tree, number):
        tree.run(self.ORDER)
        tree.started("all")

        tree.kill(number)

        assert tree.finish() == 0
        first, second, last = (tree.folder / "order").read_text().split()
        assert {first, second} == {"a", "b"}
        assert last == "base"

    STUBBORN = """
        with Supervisor() as s:
            s.start(python("signal.signal(signal.SIGTERM, signal.SIG_IGN); "
                           "(FOLDER/'up').touch(); time.sleep(600)",
                           stop_seconds=SECONDS, ready=(FOLDER / "up").exists))
            (FOLDER / "all.pid").write_text("1")
            s.run()
    """

    def test_kills_what_does_not_stop_in_its_time(self, tree):
        tree.run(self.STUBBORN.replace("SECONDS", "0.5"))
        tree.started("all")

        tree.kill(signal.SIGTERM)

        assert tree.finish() == 0
        assert "child did not stop in time and is killed" in tree.said()
        assert is_gone(tree.started("child"))

    def test_kills_at_once_at_a_second_ctrl_c(self, tree):
        tree.run(self.STUBBORN.replace("SECONDS", "600"))
        tree.started("all")

        tree.kill(signal.SIGINT)
        time.sleep(0.5)
        tree.kill(signal.SIGINT)

        assert tree.finish() == 0
        assert is_gone(tree.started("child"))

    def test_stops_the_children_when_something_else_in_the_block_fails(self, tree):
        tree.run("""
            with Supervisor() as s:
                s.start(python("time.sleep(600)", ready=(FOLDER / "child.pid").exists))
                raise RuntimeError("between")
        """)

        assert tree.finish() == 1
        assert is_gone(tree.started("child"))

    def test_a_signal_between_two_starts_stops_all(self, tree):
        tree.run("""
            try:
                with Supervisor() as s:
                    s.start(python("time.sleep(600)", ready=(FOLDER / "child.pid").exists))
                    (FOLDER / "all.pid").write_text("1")
                    time.sleep(600)
            except KeyboardInterrupt:
                sys.exit(7)
        """)
        tree.started("all")

        tree.kill(signal.SIGTERM)

        assert tree.finish() == 7
        assert is_gone(tree.started("child"))


class TestOrphans:
    def test_no_child_outlives_a_supervisor_that_was_killed(self, tree):
        tree.run(FOREVER)
        pids = [tree.started("one"), tree.started("two")]

        tree.kill(signal.SIGKILL)

        for pid in pids:
            until(partial(is_gone, pid))

    def test_a_child_may_be_told_to_end_in_its_own_way(self, tree):
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
                s.start(python(textwrap.dedent(code), orphaned=SIGTERM,
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
