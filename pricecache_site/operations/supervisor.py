"""Runs a tree of processes: starts in order, restarts what dies, stops all, leaves no orphan."""

from __future__ import annotations

import os
import selectors
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

from pricecache_site.operations.logfiles import BoundedLog
from pricecache_site.operations.processes import Child, ChildSpec, ChildState

DEATHS_ALLOWED = 5
DEATHS_COUNT_FOR = 60.0
FIRST_PAUSE = 0.5
WATCH_EVERY = 5.0

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_COLOURS = (36, 33, 32, 35, 34)


class SupervisorError(Exception):
    """A child cannot run; the message says which and why."""


class Supervisor:
    """A context manager: whatever leaves the block, every child is stopped first.

    Within the block SIGINT, SIGTERM and SIGHUP raise KeyboardInterrupt, or end `run`. To be used
    from the main thread: a child dies with the thread that started it.
    """

    def __init__(self, log_dir: Path | None = None) -> None:
        self._log_dir = log_dir
        self._log = self._log_of("up")
        self._children: list[Child] = []
        self._selector = selectors.DefaultSelector()
        self._wakeup: tuple[int, int] = (-1, -1)
        self._old_handlers: dict[signal.Signals, Any] = {}
        self._in_loop = False
        self._signals: list[int] = []
        self._coloured = sys.stdout.isatty() and "NO_COLOR" not in os.environ

    # --- from outside --------------------------------------------------------------------------

    def __enter__(self) -> Supervisor:
        self._wakeup = os.pipe()
        for end in self._wakeup:
            os.set_blocking(end, False)
        signal.set_wakeup_fd(self._wakeup[1], warn_on_full_buffer=False)
        self._selector.register(self._wakeup[0], selectors.EVENT_READ)
        for number in _STOP_SIGNALS:
            self._old_handlers[number] = signal.signal(number, self._note_signal)
        # It has a handler so that the death of a child wakes the loop up.
        self._old_handlers[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        return self

    def __exit__(self, *_: object) -> None:
        self._in_loop = True
        try:
            self._stop_all()
        finally:
            signal.set_wakeup_fd(-1)
            for number, handler in self._old_handlers.items():
                signal.signal(number, handler)
            self._selector.close()
            for end in self._wakeup:
                os.close(end)

    def start(self, *specs: ChildSpec) -> None:
        """Starts the children and returns when all of them are ready.

        :raises SupervisorError: one ended, or was not ready in time.
        """
        fresh = [Child(spec, None if spec.quiet else self._log_of(spec.name)) for spec in specs]
        self._children += fresh
        self._in_loop = True
        for child in fresh:
            self._spawn(child)
        while any(child.state is not ChildState.RUNNING for child in fresh):
            self._step()
            if self._signals:
                raise KeyboardInterrupt
            for child in self._children:
                if child.state is ChildState.DEAD and child in fresh:
                    raise SupervisorError(self._obituary(child, with_output=True))
                self._tend(child)
        self._in_loop = False

    def run(self) -> None:
        """Keeps the children running until a signal asks to stop.

        :raises SupervisorError: a child died too often.
        """
        self._in_loop = True
        while not self._signals:
            self._step()
            for child in self._children:
                self._tend(child)

    def say(self, text: str, *, name: str = "up", secret: bool = False) -> None:
        """Prints lines, each with the name of who says it; what is secret goes to no log."""
        lines = text.splitlines()
        names = [child.spec.name for child in self._children]
        mark = f"{name:<7} |"
        if self._coloured and name in names:
            mark = f"\x1b[{_COLOURS[names.index(name) % len(_COLOURS)]}m{mark}\x1b[0m"
        if self._log is not None and name not in names and not secret:
            self._log.write(lines)
        try:
            sys.stdout.write("".join(f"{mark} {line}\n" for line in lines))
            sys.stdout.flush()
        except (OSError, ValueError):
            return  # the terminal is gone; the logs have it

    # --- the loop ------------------------------------------------------------------------------

    def _note_signal(self, number: int, frame: FrameType | None) -> None:
        self._signals.append(number)
        if not self._in_loop:
            raise KeyboardInterrupt

    def _step(self, timeout: float = 0.1) -> None:
        """Waits for output, a death or a signal; passes the output on and notes the deaths."""
        for key, _ in self._selector.select(timeout):
            if key.data is None:
                os.read(self._wakeup[0], 4096)
            else:
                self._pass_on(key.data)
        for child in self._children:
            if child.ended():
                self._pass_on(child)

    def _pass_on(self, child: Child) -> None:
        before = child.output
        lines = child.read()
        if lines and not child.spec.quiet:
            self.say("\n".join(lines), name=child.spec.name)
        if before is not None and child.output is None:
            self._selector.unregister(before)

    def _spawn(self, child: Child) -> None:
        child.last_lines.clear()
        try:
            child.spawn()
        except OSError as error:
            raise SupervisorError(
                f"{child.spec.name} cannot be started: {child.spec.argv[0]}: {error.strerror}."
            ) from error
        if child.output is not None:
            self._selector.register(child.output, selectors.EVENT_READ, child)

    def _tend(self, child: Child) -> None:
        """Does what is due for a child in its state."""
        now, spec = time.monotonic(), child.spec
        if child.state is ChildState.DEAD:
            self._mourn(child, now)
        elif child.state is ChildState.WAITING:
            if now >= child.since + self._pause(child):
                self._spawn(child)
        elif child.state is ChildState.STARTING:
            self._probe(child, now)
        elif spec.watch is not None and now >= child.watched_at + WATCH_EVERY:
            child.watched_at = now
            if reason := spec.watch(now - child.since):
                child.kill(reason)

    def _probe(self, child: Child, now: float) -> None:
        spec = child.spec
        if spec.ready is None or spec.ready():
            child.enter(ChildState.RUNNING)
            if child.deaths:
                self.say(f"{spec.name} runs again")
        elif now >= child.since + spec.ready_seconds:
            child.kill(f"not ready within {spec.ready_seconds:g} s")

    def _mourn(self, child: Child, now: float) -> None:
        child.deaths.append(now)
        while child.deaths[0] < now - DEATHS_COUNT_FOR:
            child.deaths.popleft()
        obituary = self._obituary(child)
        if len(child.deaths) >= DEATHS_ALLOWED:
            raise SupervisorError(
                f"{obituary} It did so {DEATHS_ALLOWED} times within a minute: given up."
            )
        child.enter(ChildState.WAITING)
        self.say(f"{obituary} Started again in {self._pause(child):g} s.")

    @staticmethod
    def _pause(child: Child) -> float:
        return float(FIRST_PAUSE * 2 ** (len(child.deaths) - 1))

    def _obituary(self, child: Child, *, with_output: bool = False) -> str:
        spec, status = child.spec, child.status
        if child.killed_for:
            how = f"was killed ({child.killed_for})"
        elif status < 0:
            how = f"was ended by {signal.Signals(-status).name}"
        else:
            how = f"ended with status {status}"
        told = f"{spec.name} {how}."
        if spec.cause_of_death is not None and not child.killed_for:
            told += f" {spec.cause_of_death(status)}"
        elif with_output:
            told = "\n".join([f"{spec.name} {how} before it was ready:", *child.last_lines])
        return told

    def _stop_all(self) -> None:
        """The highest stage first; what does not end in its time is killed with its group."""
        signals_before = len(self._signals)
        for stage in sorted({child.spec.stage for child in self._children}, reverse=True):
            group = [child for child in self._children if child.spec.stage == stage]
            deadline = time.monotonic() + max(child.spec.stop_seconds for child in group)
            for child in group:
                child.terminate()
            while any(child.is_alive for child in group) and time.monotonic() < deadline:
                self._step(0.05)
                if signal.SIGINT in self._signals[signals_before:]:
                    break  # a second Ctrl-C
            for child in group:
                if child.is_alive:
                    self.say(f"{child.spec.name} did not stop in time and is killed")
                    child.kill()
            deadline = time.monotonic() + 2
            while any(child.is_alive for child in group) and time.monotonic() < deadline:
                self._step(0.05)

    def _log_of(self, name: str) -> BoundedLog | None:
        return None if self._log_dir is None else BoundedLog(self._log_dir / f"{name}.log")
