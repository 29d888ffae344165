"""Which mongod runs: the package's or the one on PATH, and what is told about both."""

import os
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from django.core.management import call_command

from pricecache_site.operations import mongod_binary
from pricecache_site.operations.mongod_binary import (
    EmbeddedMongodError,
    Mongod,
    explain_machine,
    find_mongod,
    held_release,
    record_release,
)


def program(path: Path, version: str) -> Path:
    """Writes a program that tells a version as mongod does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho 'db version v{version}'\necho 'Build Info: {{}}'\n")
    path.chmod(0o755)
    return path


class TestFindMongod:
    def wheel(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int) -> Path:
        binary = tmp_path / "site" / "fiftyone" / "db" / "bin" / "mongod"
        binary.parent.mkdir(parents=True)
        binary.write_text("#!/bin/sh\n")
        binary.chmod(mode)
        spec = type("Spec", (), {"submodule_search_locations": [str(binary.parents[2])]})
        monkeypatch.setattr(mongod_binary, "find_spec", lambda name: spec)
        return binary

    def test_makes_the_binary_of_the_package_executable(self, tmp_path, monkeypatch):
        binary = self.wheel(tmp_path, monkeypatch, 0o644)

        assert find_mongod(tmp_path).path == binary
        assert os.access(binary, os.X_OK)

    def test_copies_the_binary_from_a_read_only_folder(self, tmp_path, monkeypatch):
        def refuse(self: Path, mode: int) -> None:
            if "site" in self.parts:
                raise PermissionError(13, "Permission denied")
            os.chmod(self, mode)  # Path.chmod is replaced

        binary = self.wheel(tmp_path, monkeypatch, 0o644)
        monkeypatch.setattr(Path, "chmod", refuse)

        found = find_mongod(tmp_path / "data").path

        assert found == tmp_path / "data" / "bin" / "mongod"
        assert os.access(found, os.X_OK)
        assert found.read_bytes() == binary.read_bytes()

    def test_uses_the_one_on_path_without_the_package(self, tmp_path, monkeypatch):
        (tmp_path / "mongod").write_text("#!/bin/sh\n")
        (tmp_path / "mongod").chmod(0o755)
        monkeypatch.setattr(mongod_binary, "find_spec", lambda name: None)
        monkeypatch.setenv("PATH", str(tmp_path))

        assert find_mongod(tmp_path).path == tmp_path / "mongod"

    def test_names_the_three_options_if_there_is_none(self, tmp_path, monkeypatch):
        monkeypatch.setattr(mongod_binary, "find_spec", lambda name: None)
        monkeypatch.setenv("PATH", str(tmp_path))

        with pytest.raises(EmbeddedMongodError, match=r"embedded.*PATH.*MONGODB_URI"):
            find_mongod(tmp_path)


class TestNewestMongod:
    @pytest.fixture
    def both(self, tmp_path, monkeypatch) -> Callable[[str, str], None]:
        """Installs a package's mongod and one on PATH of the given versions."""

        def install(packaged: str, on_path: str) -> None:
            spec = type("Spec", (), {"submodule_search_locations": [str(tmp_path / "package")]})
            program(tmp_path / "package" / "db" / "bin" / "mongod", packaged)
            program(tmp_path / "bin" / "mongod", on_path)
            monkeypatch.setattr(mongod_binary, "find_spec", lambda name: spec)
            monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")

        return install

    @pytest.mark.parametrize(
        ("packaged", "on_path", "held", "expected"),
        [
            ("6.0.5", "7.0.31", None, (7, 0, 31)),
            ("6.0.5", "6.0.27", None, (6, 0, 27)),
            ("6.0.10", "6.0.9", None, (6, 0, 10)),
            ("6.0.5", "5.0.32", None, (6, 0, 5)),
            # A release takes over the files of the one before it, and of none older or newer.
            ("6.0.5", "7.0.31", "6.0", (7, 0, 31)),
            ("6.0.5", "8.0.20", "6.0", (6, 0, 5)),
            ("6.0.5", "8.0.20", "7.0", (8, 0, 20)),
            ("6.0.5", "7.0.31", "7.0", (7, 0, 31)),
            # Nothing can be done here; the newest says what it refuses.
            ("6.0.5", "7.0.31", "8.0", (7, 0, 31)),
        ],
    )
    def test_wins_if_it_can_use_the_data(self, tmp_path, both, packaged, on_path, held, expected):
        both(packaged, on_path)
        if held:
            (tmp_path / "mongodb").mkdir()
            (tmp_path / "mongodb" / "WiredTiger").touch()
            record_release(tmp_path, held)

        assert find_mongod(tmp_path).version == expected

    def test_takes_data_of_an_unknown_release_for_6_0(self, tmp_path):
        assert held_release(tmp_path) is None
        (tmp_path / "mongodb").mkdir()
        (tmp_path / "mongodb" / "WiredTiger").touch()

        assert held_release(tmp_path) == (6, 0)

    def test_is_the_one_that_tells_its_version(self, tmp_path, both):
        both("6.0.5", "none at all")

        assert find_mongod(tmp_path).version == (6, 0, 5)


class TestMachine:
    @pytest.fixture(autouse=True)
    def _no_mongod(self, monkeypatch, tmp_path):
        monkeypatch.setattr(mongod_binary, "find_spec", lambda name: None)
        monkeypatch.setenv("PATH", str(tmp_path))

    def test_without_avx_is_named(self, monkeypatch, tmp_path):
        (tmp_path / "cpuinfo").write_text("model name\t: Celeron\nflags\t\t: fpu sse4_2 aes\n")
        monkeypatch.setattr("platform.machine", lambda: "x86_64")
        monkeypatch.setattr(mongod_binary, "CPU_INFO", tmp_path / "cpuinfo")

        with pytest.raises(EmbeddedMongodError, match=r"has no AVX.*MONGODB_URI"):
            find_mongod(tmp_path)

    def test_without_avx_does_not_run_the_package(self, monkeypatch, tmp_path):
        spec = type("Spec", (), {"submodule_search_locations": [str(tmp_path / "package")]})
        program(tmp_path / "package" / "db" / "bin" / "mongod", "6.0.5")
        monkeypatch.setattr(mongod_binary, "find_spec", lambda name: spec)
        monkeypatch.setattr(mongod_binary, "explain_machine", lambda: "This processor has no AVX.")

        with pytest.raises(EmbeddedMongodError, match="no AVX"):
            find_mongod(tmp_path)

    @pytest.mark.parametrize("machine", ["aarch64", "arm64", "armv7l"])
    def test_with_an_arm_processor_is_named(self, monkeypatch, tmp_path, machine):
        monkeypatch.setattr("platform.machine", lambda: machine)

        with pytest.raises(EmbeddedMongodError, match=r"ARM machine.*on PATH.*MONGODB_URI"):
            find_mongod(tmp_path)

    def test_with_avx_has_no_problem(self, monkeypatch, tmp_path):
        (tmp_path / "cpuinfo").write_text("flags\t\t: fpu avx avx2\n")
        monkeypatch.setattr("platform.machine", lambda: "x86_64")
        monkeypatch.setattr(mongod_binary, "CPU_INFO", tmp_path / "cpuinfo")

        assert explain_machine() == ""


class TestDescribe:
    @pytest.mark.parametrize(
        ("version", "sentence"),
        [
            ((6, 0, 5), "MongoDB 6.0.5 (/m) had its end of life on 2025-07-31: there are no fixes"),
            ((7, 0, 31), "MongoDB 7.0.31 (/m). Its end of life is 2027-08-31."),
            ((9, 0, 1), "MongoDB 9.0.1 (/m). Its end of life is not known here."),
            ((), "MongoDB: /m does not tell its version."),
        ],
    )
    def test_tells_version_and_end_of_life(self, version, sentence):
        told = Mongod(Path("/m"), version).describe(date(2026, 11, 28))

        assert told.startswith(sentence)

    @pytest.mark.django_db
    def test_is_printed_by_check(self, capsys):
        call_command("check")

        assert "MongoDB 6.0.5 (" in capsys.readouterr().out
