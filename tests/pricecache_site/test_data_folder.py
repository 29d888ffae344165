"""The data folder: private to its user, also one that an older version left open, and secrets."""

import os
import stat
from pathlib import Path

from pricecache_site.data_folder import (
    make_content_private,
    make_private,
    mongodb_uri,
    read_secret,
)


def modes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): oct(stat.S_IMODE(path.lstat().st_mode))
        for path in sorted(folder.rglob("*"))
        if not path.is_symlink()
    }


def test_closes_a_folder_that_was_open(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.touch()
    outside.chmod(0o644)
    folder = tmp_path / "var"
    (folder / "bin").mkdir(parents=True)
    for path, mode in ((folder / "bin" / "mongod", 0o755), (folder / "pricecache.sqlite3", 0o644)):
        path.touch()
        path.chmod(mode)
    (folder / "bin").chmod(0o777)
    folder.chmod(0o755)
    (folder / "link").symlink_to(outside)

    make_private(folder)
    make_content_private(folder)

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert modes(folder) == {
        "bin": "0o700",
        "bin/mongod": "0o700",
        "pricecache.sqlite3": "0o600",
    }
    assert stat.S_IMODE(outside.stat().st_mode) == 0o644


def test_a_secret_is_made_once_and_for_its_user_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        secret = read_secret(tmp_path / "var" / "key", lambda: "first")
    finally:
        os.umask(before)

    assert (secret, read_secret(tmp_path / "var" / "key", lambda: "second")) == ("first", "first")
    assert modes(tmp_path) == {"var": "0o700", "var/key": "0o600"}


def test_the_address_of_mongodb_has_the_password_of_the_folder(tmp_path: Path) -> None:
    uri = mongodb_uri(tmp_path, 4711)

    password = (tmp_path / "mongodb_password").read_text()
    assert len(password) == 48
    assert uri == (
        f"mongodb://pricecache:{password}@127.0.0.1:4711/?replicaSet=pricecache"
        "&directConnection=true"
    )
