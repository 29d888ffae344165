"""Runs child processes: starts them in order, restarts those that end, and stops all of them."""

from __future__ import annotations

import selectors
import signal
import sys
import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

from pricecache_site.operations.logfiles import LineLog
from pricecache_site.operations.processes import Child, ChildSpec, ChildState

MAX_EXITS = 5
CRASH_WINDOW = 60.0
FIRST_PAUSE = 0.5
WATCH_EVERY = 5.0

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class SupervisorError(Exception):
    """A child cannot run; the message says which one and why."""


class Supervisor:
    """A context manager that stops every child when the block is left, however it is left.

    Within the block SIGINT, SIGTERM and SIGHUP raise KeyboardInterrupt, or end `run`. Use it from
    the main thread only: a child dies with the thread that started it.
    """

    def __init__(self, log_path: Path | None = None) -> None:
        self._log = log_path and LineLog(log_path)
        self._children: list[Child] = []
        self._selector = selectors.DefaultSelector()
        self._old_handlers: dict[signal.Signals, Any] = {}
        self._in_loop = False
        self._signals: list[int] = []

    def __enter__(self) -> Supervisor:
        for number in _STOP_SIGNALS:
            self._old_handlers[number] = signal.signal(number, self._on_stop_signal)
        return self

    def __exit__(self, *_: object) -> None:
        self._in_loop = True
        try:
            self._stop_all()
        finally:
            for number, handler in self._old_handlers.items():
                signal.signal(number, handler)
            self._selector.close()
            if self._log:
                with suppress(OSError):  # The disk may be full.
                    self._log.close()

    def start(self, *specs: ChildSpec) -> None:
        """Starts the children and returns when all of them are ready.

        :raises SupervisorError: a child ended, or was not ready in time.
        """
        new = [Child(spec) for spec in specs]
        self._children += new
        self._in_loop = True
        for child in new:
            self._spawn(child)
        while any(child.state is not ChildState.RUNNING for child in new):
            self._step()
            if self._signals:
                raise KeyboardInterrupt
            for child in self._children:
                if child.state is ChildState.EXITED and child in new:
                    hint = "" if child.spec.explain_exit else " Its output above says why."
                    raise SupervisorError(f"{child.exit_message()}{hint}")
                self._update(child)
        self._in_loop = False

    def run(self) -> None:
        """Keeps the children running until a signal asks to stop.

        :raises SupervisorError: a child ended too often.
        """
        self._in_loop = True
        while not self._signals:
            self._step()
            for child in self._children:
                self._update(child)

    def say(self, text: str, *, name: str = "up", secret: bool = False) -> None:
        """Prints lines with the name of their source, and logs them unless they are secret."""
        lines = [f"{name:<7} | {line}" for line in text.splitlines()]
        if self._log and not secret:
            self._log.write(lines)
        try:
            sys.stdout.write("".join(f"{line}\n" for line in lines))
            sys.stdout.flush()
        except (OSError, ValueError):
            return  # The terminal is closed; the log has the lines.

    def _on_stop_signal(self, number: int, frame: FrameType | None) -> None:
        self._signals.append(number)
        if not self._in_loop:
            raise KeyboardInterrupt

    def _step(self, timeout: float = 0.1) -> None:
        """Waits for output, forwards it, and records the exits and their last output."""
        for key, _ in self._selector.select(timeout):
            self._forward_output(key.data)
        for child in self._children:
            if child.check_exit():
                self._forward_output(child)

    def _forward_output(self, child: Child) -> None:
        before = child.output
        lines = child.read()
        if lines and not child.spec.quiet:
            self.say("\n".join(lines), name=child.spec.name)
        if before is not None and child.output is None:
            self._selector.unregister(before)

    def _spawn(self, child: Child) -> None:
        try:
            child.spawn()
        except OSError as error:
            raise SupervisorError(
                f"{child.spec.name} cannot be started: {child.spec.argv[0]}: {error.strerror}."
            ) from error
        if child.output is not None:
            self._selector.register(child.output, selectors.EVENT_READ, child)

    def _update(self, child: Child) -> None:
        """Does what is due for a child in its state."""
        now = time.monotonic()
        if child.state is ChildState.EXITED:
            self._on_exit(child, now)
        elif child.state is ChildState.WAITING:
            if now >= child.since + self._pause(child) and not self._must_wait(child):
                self._spawn(child)
        elif child.state is ChildState.STARTING:
            self._check_ready(child, now)
        elif now >= child.watched_at + WATCH_EVERY:
            if reason := child.why_restart(now):
                child.kill(reason)
            child.watched_at = time.monotonic()

    def _must_wait(self, child: Child) -> bool:
        """Returns whether the machine keeps the child from running, which does not count as exits."""
        reason = child.spec.wait_while() if child.spec.wait_while else ""
        if reason:
            child.exits = deque([time.monotonic()])
            child.since = time.monotonic() + WATCH_EVERY
            if reason != child.waits_for:
                self.say(f"{child.spec.name} waits. {reason}")
        child.waits_for = reason
        return bool(reason)

    def _check_ready(self, child: Child, now: float) -> None:
        spec = child.spec
        if spec.ready is None or spec.ready():
            child.enter(ChildState.RUNNING)
            if child.exits:
                self.say(f"{spec.name} runs again.")
        elif now >= child.since + spec.ready_seconds:
            child.kill(f"not ready within {spec.ready_seconds:g} s")

    def _on_exit(self, child: Child, now: float) -> None:
        child.exits.append(now)
        while child.exits[0] < now - CRASH_WINDOW:
            child.exits.popleft()
        message = child.exit_message()
        child.enter(ChildState.WAITING)
        if self._must_wait(child):
            return
        if len(child.exits) >= MAX_EXITS:
            raise SupervisorError(
                f"{message} It ended {MAX_EXITS} times within a minute and is not restarted."
            )
        self.say(f"{message} It is restarted in {self._pause(child):g} s.")

    @staticmethod
    def _pause(child: Child) -> float:
        return float(FIRST_PAUSE * 2 ** (len(child.exits) - 1))

    def _stop_all(self) -> None:
        """Stops the highest stage first. Kills the group of a child that does not stop in time."""
        signals_before = len(self._signals)
        for stage in sorted({child.spec.stage for child in self._children}, reverse=True):
            group = [child for child in self._children if child.spec.stage == stage]
            deadline = time.monotonic() + max(child.spec.stop_seconds for child in group)
            for child in group:
                child.terminate()
            while any(child.is_alive for child in group) and time.monotonic() < deadline:
                self._step(0.05)
                if signal.SIGINT in self._signals[signals_before:]:
                    break  # A second Ctrl-C kills at once.
            for child in group:
                if child.is_alive:
                    self.say(f"{child.spec.name} did not stop in time and is killed.")
                    child.kill()
            deadline = time.monotonic() + 2
            while any(child.is_alive for child in group) and time.monotonic() < deadline:
                self._step(0.05)
