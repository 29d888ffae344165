"""The supervisor with small real processes: how it starts, restarts and stops them."""

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

    def test_names_a_child_that_ends_before_it_is_ready(self, tree):
        tree.run("""
            try:
                with Supervisor() as s:
                    s.start(python("sys.exit('no such thing')", ready=lambda: False))
            except SupervisorError as error:
                sys.exit(f"ERROR {error}")
        """)

        assert tree.finish() == 1
        assert "child   | no such thing\n" in tree.said()
        assert "ERROR child ended with status 1. Its output above says why.\n" in tree.said()

    def test_adds_the_explanation_of_the_exit_status(self, tree):
        tree.run("""
            try:
                with Supervisor() as s:
                    s.start(python("sys.exit(3)", ready=lambda: False,
                                   explain_exit=lambda status: f"Cause {status}."))
            except SupervisorError as error:
                sys.exit(f"ERROR {error}")
        """)

        assert tree.finish() == 1
        assert "ERROR child ended with status 3. Cause 3.\n" in tree.said()

    def test_kills_a_child_that_is_not_ready_in_time(self, tree):
        tree.run("""
            try:
                with Supervisor() as s:
                    s.start(python("time.sleep(600)", ready=lambda: False, ready_seconds=2))
            except SupervisorError as error:
                sys.exit(f"ERROR {error}")
        """)

        assert tree.finish() == 1
        assert "ERROR child was killed (not ready within 2 s)" in tree.said()
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
    def test_restarts_a_child_that_was_killed(self, tree):
        tree.run(FOREVER)
        tree.started("all")

        first = tree.started("one")
        os.kill(first, signal.SIGKILL)
        second = tree.started("one", times=2)

        assert second != first
        assert len(tree.pids("two")) == 1
        until(lambda: "one runs again." in tree.said())
        assert "one was ended by SIGKILL. It is restarted in 0.05 s." in tree.said()

    def test_gives_up_after_five_exits_with_growing_pauses(self, tree):
        tree.run("""
            bad = '''
            while not (FOLDER / "running").exists():  # to end early would fail the start
                time.sleep(0.01)
            sys.exit(2)
            '''
            try:
                with Supervisor() as s:
                    s.start(python("time.sleep(600)", name="good"))
                    s.start(python(bad, name="bad"))
                    (FOLDER / "running").touch()
                    s.run()
            except SupervisorError as error:
                sys.exit(f"ERROR {error}")
        """)

        assert tree.finish() == 1
        said = tree.said()
        for pause in ("0.05", "0.1", "0.2", "0.4"):
            assert f"bad ended with status 2. It is restarted in {pause} s." in said
        assert "ERROR bad ended with status 2. It ended 5 times within a minute" in said
        assert is_gone(tree.started("good"))

    def test_kills_the_rest_of_the_process_group_before_the_restart(self, tree):
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

    def test_restarts_a_child_that_its_watch_reports(self, tree):
        tree.run("""
            reasons = ["stuck"]
            with Supervisor() as s:
                s.start(python("signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)",
                               ready=(FOLDER / "child.pid").exists,
                               watch=lambda seconds: reasons.pop() if reasons else None))
                s.run()
        """)

        tree.started("child", times=2)

        assert "child was killed (stuck). It is restarted in 0.05 s." in tree.said()

    def test_restarts_a_child_of_which_a_process_is_stopped(self, tree):
        tree.run(
            """
            with Supervisor() as s:
                s.start(python("(FOLDER / 'worker.pid').write_text(str(subprocess.Popen("
                               "['sleep', '600']).pid)); time.sleep(600)"),
                        python("time.sleep(600)", name="other"))
                s.run()
            """
        )
        first, grandchild = tree.started("child"), tree.started("worker")

        os.kill(grandchild, signal.SIGSTOP)

        assert tree.started("child", times=2) != first
        until(lambda: is_gone(grandchild))
        assert f"its process {grandchild} was stopped for 0.5 s" in tree.said()
        assert len(tree.pids("other")) == 1

    def test_leaves_a_child_that_was_stopped_for_a_moment(self, tree):
        tree.run(
            """
            processes.MAX_FROZEN_SECONDS = 600
            looks = []
            def look(seconds):
                looks.append(1)
                (FOLDER / "looks").write_text(str(len(looks)))
            with Supervisor() as s:
                s.start(python("time.sleep(600)", watch=look))
                s.run()
            """
        )
        child = tree.started("child")
        looks = lambda: int((tree.folder / "looks").read_text() or 0)  # noqa: E731
        until((tree.folder / "looks").exists)

        os.kill(child, signal.SIGSTOP)
        seen = looks()
        until(lambda: looks() > seen + 5)
        os.kill(child, signal.SIGCONT)
        seen = looks()
        until(lambda: looks() > seen + 5)

        assert tree.pids("child") == [child]

    def test_restarts_a_child_that_leaves_six_questions_in_a_row_unanswered(self, tree):
        tree.run(
            """
            answers = [False] * 5 + [True] + [False] * 6
            with Supervisor() as s:
                s.start(python("time.sleep(600)", answers=lambda: answers.pop(0) if answers else True))
                s.run()
            """
        )

        tree.started("child", times=2)

        until(lambda: "runs again" in tree.said())
        assert "child was killed (it did not answer 6 times in a row)" in tree.said()
        assert len(tree.pids("child")) == 2

    def test_waits_without_giving_up_while_the_machine_keeps_a_child_from_running(self, tree):
        tree.run(
            """
            def full():
                return "" if (FOLDER / "room").exists() else "The disk is full."
            with Supervisor() as s:
                s.start(python("time.sleep(0.2); sys.exit(0 if (FOLDER / 'room').exists() else 1)",
                               ready=lambda: True, wait_while=full))
                s.run()
            """
        )
        until(lambda: "child waits. The disk is full." in tree.said())
        assert tree.process is not None
        assert tree.process.poll() is None
        starts = len(tree.pids("child"))

        (tree.folder / "room").touch()

        tree.started("child", times=starts + 1)
        assert starts == 1

    def test_prints_and_logs_the_output_with_the_name_of_the_child(self, tree):
        tree.run("""
            with Supervisor(FOLDER / "up.log") as s:
                s.say("password", secret=True)
                s.start(python("print('out'); print('err', file=sys.stderr); "
                               "sys.stdout.write('no end'); sys.exit()"))
                s.run()
        """)

        until(lambda: "runs again" in tree.said())

        lines = tree.said().splitlines()
        assert "child   | out" in lines
        assert "child   | err" in lines
        assert "child   | no end" in lines
        log = (tree.folder / "up.log").read_text()
        assert "child   | out\n" in log
        assert "up      | child runs again.\n" in log
        assert "password" not in log


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
            s.start(python("ask = lambda *_: (FOLDER/'asked.pid').write_text('1'); "
                           "signal.signal(signal.SIGTERM, ask); (FOLDER/'up').touch()\\n"
                           "while True: time.sleep(600)",
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
        tree.started("asked")
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
