"""The data folder: nobody but its owner can read it, and it keeps the installation's secrets."""

import errno
import os
import secrets
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

OTHERS = stat.S_IRWXG | stat.S_IRWXO


def explain_folder_error(folder: Path, error: OSError) -> str:
    """Returns a sentence that says why the folder is unusable and what to do."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return (
            f"The disk of {folder} is full: make room and start again, or set PRICECACHE_DATA_DIR to "
            "a folder on another disk."
        )
    return (
        f"The folder {folder} cannot be used ({error.strerror}): make it writable, "
        "or set PRICECACHE_DATA_DIR to another folder."
    )


def make_private(folder: Path) -> None:
    """Creates the folder, or closes one that an older version left open to other users.

    :raises OSError: it cannot be created.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _close(folder)


def make_content_private(folder: Path) -> None:
    """Takes the rights of other users off everything below the folder. Follows no links."""
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            _close(Path(parent) / name)


def _close(path: Path) -> None:
    # Another user's file cannot be closed, and one may vanish meanwhile: `check` tells the first.
    with suppress(OSError):
        mode = path.lstat().st_mode
        if mode & OTHERS and not stat.S_ISLNK(mode):
            path.chmod(stat.S_IMODE(mode) & ~OTHERS)


def read_secret(path: Path, make: Callable[[], str]) -> str:
    """Returns the secret in the file. The first process that asks for it creates it.

    :raises OSError: the folder cannot be used.
    """
    make_private(path.parent)
    if not path.exists():
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(make())
        # A link never replaces a file: two processes that start at once read the same secret.
        with suppress(FileExistsError):
            path.hardlink_to(draft)
        draft.unlink()
    return path.read_text()


def mongodb_key(folder: Path) -> str:
    """Returns the key with which the embedded MongoDB and this system trust each other."""
    return read_secret(folder / "mongodb_key", lambda: secrets.token_hex(48))


def mongodb_password(folder: Path) -> str:
    """Returns the password of the embedded MongoDB's only user."""
    return read_secret(folder / "mongodb_password", lambda: secrets.token_hex(24))


MONGODB_USER = "pricecache"


def mongodb_uri(folder: Path, port: int) -> str:
    """Returns the address of the embedded MongoDB, with its password. :raises OSError:"""
    login = f"{MONGODB_USER}:{mongodb_password(folder)}"
    return f"mongodb://{login}@127.0.0.1:{port}/?replicaSet=pricecache&directConnection=true"
