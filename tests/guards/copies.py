"""Copies of the tree in which tests are run, each run a fork of a process that is warm already."""

from __future__ import annotations

import compileall
import importlib
import os
import shutil
import sys
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from py_compile import PycInvalidationMode

from tests.guards.mutation import ROOT

# Besides what is hidden.
_NOT_COPIED = ("var", "docs", "bench", "__pycache__")
_OURS = ("tests", "prices", "portfolio", "pricecache_site")
# What the tests import and build, seconds of work that every run has for nothing.
_HEAVY = ("numpy", "pandas", "exchange_calendars", "pymongo", "django.db.models", "pytest")
_EXCHANGES = ("XNYS", "XLON", "XETR", "XTAE", "XTKS", "24/7", "24/5")
_OPTIONS = ("-x", "-q", "--no-header", "--assert=plain", "-p", "no:cacheprovider")
_PLUGINS = ("-p", "pytest_timeout", "-p", "pytest_django.plugin")
# Tests of the domain do without Django, whose start would cost more than all of them.
_PLAIN = "tests/prices/domain/"
_WITHOUT_DJANGO = ("--noconftest", "-c", os.devnull, "--rootdir", ".")


def warm_up() -> None:
    for name in _HEAVY:
        importlib.import_module(name)
    sessions = importlib.import_module("prices.domain.sessions")
    for mic in _EXCHANGES:
        sessions.sessions_of(mic)  # exchange_calendars keeps them


@dataclass(frozen=True)
class Copy:
    """One copy."""

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> Copy:
        shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(".*", *_NOT_COPIED))
        # By hash: a mutation may have the size and the time of what it replaces.
        by_hash = PycInvalidationMode.CHECKED_HASH
        compileall.compile_dir(folder, quiet=2, invalidation_mode=by_hash)
        return cls(folder)

    @property
    def said(self) -> str:
        """What the last run said at its end."""
        return (self.folder / "said.txt").read_text()[-4_000:]

    def start(self, tests: Iterable[str]) -> int:
        """The process id of a pytest; it exits with pytest's status."""
        pid = os.fork()
        if pid == 0:
            status = 70
            try:
                status = self._run(list(tests))
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(status)
        return pid

    def _run(self, tests: list[str]) -> int:
        out = os.open(self.folder / "said.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(out, 1)
        os.dup2(out, 2)
        os.chdir(self.folder)
        os.environ.pop("PRICECACHE_TEST_RUNNER", None)  # a folder and ports of its own
        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # hypothesis alone takes a second
        sys.dont_write_bytecode = True
        sys.path[:] = [str(self.folder), *(p for p in sys.path if Path(p or ".").resolve() != ROOT)]
        for name in list(sys.modules):
            if name.partition(".")[0] in _OURS:
                del sys.modules[name]
        import pytest

        plain = all(test.startswith(_PLAIN) for test in tests if "/" in test)
        return int(pytest.main([*_OPTIONS, *(_WITHOUT_DJANGO if plain else _PLUGINS), *tests]))
