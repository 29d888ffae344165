"""Counting the files that a call executes."""

import threading
from importlib import import_module
from pathlib import Path

import pytest

from bench.journeys import files_used


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "journey_called.py").write_text("def work(): pass\n")
    (tmp_path / "journey_imported.py").write_text("class Made:\n  pass\ndef load(): pass\nload()\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_functions_count_in_all_threads_but_not_the_import_of_modules(folder: Path):
    def journey() -> None:
        import_module("journey_imported")
        thread = threading.Thread(target=import_module("journey_called").work)
        thread.start()
        thread.join()

    assert files_used(journey, (str(folder),)) == {str(folder / "journey_called.py")}
