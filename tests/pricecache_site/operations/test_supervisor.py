"""The supervisor with small real processes: how it starts them and keeps them running."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.process_trees import FOREVER, Tree, is_gone, until


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Tree]:
    tree = Tree(tmp_path)
    yield tree
    tree.end()


class TestStart:
    def test_waits_until_a_child_is_ready_before_the_next_starts(self, tree):
        tree.run("""
            with Supervisor() as s:
                s.start(python("time.sleep(0.5); (FOLDER/'up').touch(); time.sleep(600)",
                               name="first", ready=(FOLDER / "up").exists))
                assert (FOLDER / "up").exists()
                s.start(python("time.sleep(600)", name="second",
                               ready=(FOLDER / "second.pid").exists))
        """)

        assert tree.finish() == 0
        assert is_gone(tree.started("first"))
        assert is_gone(tree.started("second"))

    def test_tells_the_last_lines_of_a_child_that_ends_before_it_is_ready(self, tree):
        tree.run("""
            try:
                with Supervisor() as s:
                    s.start(python("sys.exit('no such thing')", ready=lambda: False))
            except SupervisorError as error:
                sys.exit(f"ERROR {error}")
        """)

        assert tree.finish() == 1
        assert "ERROR child ended with status 1 before it was ready:\nno such thing" in tree.said()

    def test_asks_for_the_cause_where_the_output_does_not_tell(self, tree):
        tree.run("""
            try:
                with Supervisor() as s:
                    s.start(python("sys.exit(3)", ready=lambda: False,
                                   cause_of_death=lambda status: f"Cause {status}."))
            except SupervisorError as error:
                sys.exit(f"ERROR {error}")
        """)

        assert tree.finish() == 1
        assert "ERROR child ended with status 3. Cause 3.\n" in tree.said()

    def test_gives_up_on_a_child_that_is_not_ready_in_time(self, tree):
        tree.run("""
            try:
                with Supervisor() as s:
                    s.start(python("time.sleep(600)", ready=lambda: False, ready_seconds=0.3))
            except SupervisorError as error:
                sys.exit(f"ERROR {error}")
        """)

        assert tree.finish() == 1
        assert "ERROR child was killed (not ready within 0.3 s)" in tree.said()
        assert is_gone(tree.started("child"))

    def test_names_a_program_that_cannot_be_executed(self, tree):
        tree.run("""
            try:
                with Supervisor() as s:
                    s.start(ChildSpec("child", ["/nonexistent/program"]))
            except SupervisorError as error:
                sys.exit(f"ERROR {error}")
        """)

        assert tree.finish() == 1
        assert "ERROR child cannot be started: /nonexistent/program: No such file" in tree.said()


class TestRun:
    def test_starts_a_child_that_was_killed_again(self, tree):
        tree.run(FOREVER)
        tree.started("all")

        first = tree.started("one")
        os.kill(first, signal.SIGKILL)
        second = tree.started("one", times=2)

        assert second != first
        assert len(tree.pids("two")) == 1
        until(lambda: "one runs again" in tree.said())
        assert "one was ended by SIGKILL. Started again in 0.05 s." in tree.said()

    def test_gives_up_after_five_deaths_with_growing_pauses(self, tree):
        tree.run("""
            try:
                with Supervisor() as s:
                    s.start(python("time.sleep(600)", name="good"))
                    s.start(python("print('hopeless'); sys.exit(2)", name="bad"))
                    s.run()
            except SupervisorError as error:
                sys.exit(f"ERROR {error}")
        """)

        assert tree.finish() == 1
        said = tree.said()
        for pause in ("0.05", "0.1", "0.2", "0.4"):
            assert f"bad ended with status 2. Started again in {pause} s." in said
        assert "ERROR bad ended with status 2. It did so 5 times within a minute: given up" in said
        assert is_gone(tree.started("good"))

    def test_kills_what_a_dead_child_left_of_its_group_before_the_restart(self, tree):
        tree.run("""
            code = '''
            code = "import time; time.sleep(600)"
            pid = subprocess.Popen([sys.executable, "-c", code]).pid
            (FOLDER / "grandchild.pid").open("a").write(f"{pid}\\\\n")
            time.sleep(600)
            '''
            import textwrap
            with Supervisor() as s:
                s.start(python(textwrap.dedent(code)))
                (FOLDER / "all.pid").write_text("1")
                s.run()
        """)
        tree.started("all")

        grandchild = tree.started("grandchild")
        os.kill(tree.started("child"), signal.SIGKILL)
        tree.started("grandchild", times=2)

        until(lambda: is_gone(grandchild))

    def test_restarts_the_whole_group_of_a_child_that_is_found_unhealthy(self, tree):
        tree.run("""
            starts = lambda: len((FOLDER / "child.pid").read_text().split())
            with Supervisor() as s:
                s.start(python("signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)",
                               ready=(FOLDER / "child.pid").exists,
                               watch=lambda seconds: "stuck" if starts() == 1 else None))
                s.run()
        """)

        tree.started("child", times=2)

        assert "child was killed (stuck). Started again in 0.05 s." in tree.said()

    def test_passes_the_output_on_with_the_childs_name_and_keeps_it_in_a_log(self, tree):
        tree.run("""
            with Supervisor(FOLDER / "logs") as s:
                (FOLDER / "logs").mkdir()
                s.start(python("print('out'); print('err', file=sys.stderr); "
                               "sys.stdout.write('no end'); sys.exit()"))
                s.run()
        """)

        until(lambda: "runs again" in tree.said())

        lines = tree.said().splitlines()
        assert "child   | out" in lines
        assert "child   | err" in lines
        assert "child   | no end" in lines
        assert "out" in (tree.folder / "logs" / "child.log").read_text()
        assert "runs again" in (tree.folder / "logs" / "up.log").read_text()
