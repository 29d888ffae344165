"""The settings that are computed from the machine, the checkout and the data folder."""

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client

from pricecache_site import settings

ROOT = Path(__file__).resolve().parents[2]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


class TestSecretKey:
    def test_is_created_once_for_each_data_folder(self, tmp_path, monkeypatch):
        monkeypatch.setattr(settings, "DATA_DIR", tmp_path / "var")

        key = settings._secret_key()

        assert len(key) > 50
        assert settings._secret_key() == key
        assert (tmp_path / "var" / "secret_key").stat().st_mode & 0o077 == 0

    def test_comes_from_the_environment_if_set(self, monkeypatch):
        monkeypatch.setenv("PRICECACHE_SECRET_KEY", "given")

        assert settings._secret_key() == "given"

    def test_says_that_the_data_folder_cannot_be_used(self, tmp_path, monkeypatch):
        (tmp_path / "file").touch()
        monkeypatch.setattr(settings, "DATA_DIR", tmp_path / "file")

        with pytest.raises(SystemExit, match="set PRICECACHE_DATA_DIR to another folder"):
            settings._secret_key()


class TestVersion:
    def test_is_that_of_the_project_file(self):
        assert settings.VERSION == VERSION

    @pytest.mark.django_db
    @pytest.mark.usefixtures("store")
    def test_is_shown_by_the_status_the_schema_and_the_admin(self, client: Client):
        client.force_login(User.objects.create_superuser("ada"))

        assert client.get("/cache/status").json()["version"] == VERSION
        schema = client.get("/cache/schema", headers={"Accept": "application/json"}).json()
        assert schema["info"]["version"] == VERSION
        assert f"Version {VERSION}" in client.get("/admin/").content.decode()


def test_mongodb_gets_a_sixteenth_of_the_memory_at_most_two_gigabytes(monkeypatch):
    pages = {"SC_PHYS_PAGES": 0, "SC_PAGE_SIZE": 4096}
    monkeypatch.setattr("os.sysconf", pages.__getitem__)
    sizes = []
    for gigabytes in (2, 8, 64):
        pages["SC_PHYS_PAGES"] = gigabytes * 2**30 // 4096
        sizes.append(settings._default_mongod_cache_gb())

    assert sizes == [0.25, 0.5, 2.0]


def test_the_documented_settings_for_tls_pass_the_checks_as_they_are_printed(tmp_path):
    text = (ROOT / "docs" / "access.md").read_text()
    (block,) = re.findall(r"```sh\n([^`]*check --deploy[^`]*)```", text)
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PRICECACHE_", "DJANGO_"))}

    done = subprocess.run(
        ["/bin/sh", "-e", "-c", block],
        cwd=ROOT,
        env={**env, "PRICECACHE_DATA_DIR": str(tmp_path / "var")},
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )

    assert done.returncode == 0, done.stderr
    assert "System check identified no issues (0 silenced)." in done.stdout
    assert done.stderr == ""
