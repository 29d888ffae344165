"""A disk that is full, nearly full or read-only: a small one is mounted where that is allowed."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import OperationalError
from django.test import Client

from prices.monitoring import disk
from prices.monitoring.status import status
from tests.support.builders import NOW


def run(*argv: str) -> bool:
    """Runs a command of the system, and returns whether it succeeded."""
    return subprocess.run(argv, capture_output=True, check=False).returncode == 0


@pytest.fixture
def small(tmp_path: Path, settings) -> Iterator[Path]:
    """The data folder on a disk of 1 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    if not run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)):
        pytest.skip("only root may mount a disk")
    settings.DATA_DIR = folder
    try:
        yield folder
    finally:
        assert run("umount", str(folder))


@pytest.mark.django_db
def test_status_says_first_that_the_disk_is_full_and_misleads_nobody(store, small) -> None:
    (small / "fill").write_bytes(bytes(2**20))

    found = status(now=NOW)

    assert found.down[0] == (
        f"The disk of {small} is full (0 MB free): nothing can be stored. Make room. Everything "
        "goes on by itself then."
    )
    assert "manage.py up" not in " ".join(found.down)


def test_names_a_read_only_folder(small) -> None:
    assert run("mount", "-o", "remount,ro", str(small))

    assert disk.why_unwritable() == (
        f"The folder {small} cannot be written (Read-only file system). Make it writable. Everything "
        "goes on by itself then."
    )


@pytest.mark.parametrize(
    ("free", "is_full", "is_nearly_full"),
    [
        (49_999_999, True, True),
        (50_000_000, False, True),
        (199_999_999, False, True),
        (200_000_000, False, False),
    ],
)
def test_warns_before_the_embedded_mongodb_ends(
    monkeypatch, settings, tmp_path, free, is_full, is_nearly_full
) -> None:
    settings.DATA_DIR = tmp_path
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": free}))

    assert bool(disk.why_unwritable()) is is_full
    assert bool(disk.why_nearly_full()) is is_nearly_full


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fault", "advice"),
    [
        ("database or disk is full", "Make room on the disk of the data folder."),
        ("attempt to write a readonly database", "Make the data folder writable."),
    ],
)
def test_the_api_gives_the_right_advice(monkeypatch, store, fault, advice) -> None:

    def fail(**_: object) -> None:
        raise OperationalError(fault)

    monkeypatch.setattr("prices.monitoring.status.schedules.scheduler_state", fail)
    client = Client(raise_request_exception=False)

    answer = client.get("/cache/status")

    assert (answer.status_code, answer.json()["hint"]) == (503, advice)
