"""Whether the data folder can be written, found out by writing."""

import errno
import shutil
import tempfile
from pathlib import Path

from django.conf import settings

# The embedded MongoDB ends before the last byte is used.
_MIN_FREE_BYTES = 50_000_000
_FEW_FREE_BYTES = 200_000_000


def folders() -> list[Path]:
    """Returns the data folder, and the embedded MongoDB's, which may be on another disk."""
    data = Path(settings.DATA_DIR)
    return [data, data / "mongodb"] if settings.MONGODB_EMBEDDED else [data]


def why_unwritable() -> str:
    """Returns why nothing can be stored on this machine and what to do, or an empty string."""
    return next(filter(None, map(_why_unwritable, folders())), "")


def why_nearly_full() -> str:
    """Returns a warning before the disk is full, or an empty string."""
    for folder in filter(Path.exists, folders()):
        free = shutil.disk_usage(folder).free
        if free < _FEW_FREE_BYTES:
            return (
                f"The disk of {folder} is nearly full ({free // 1_000_000} MB free). Make room "
                "before nothing can be stored any more."
            )
    return ""


def _why_unwritable(folder: Path) -> str:
    if not folder.exists():
        return ""
    free = shutil.disk_usage(folder).free
    try:
        # A quota, a lack of inodes or a read-only disk show when something is written only.
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(4096))
        is_full = free < _MIN_FREE_BYTES
    except OSError as error:
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        if not is_full:
            return (
                f"The folder {folder} cannot be written ({error.strerror}). Make it writable. "
                "Everything goes on by itself then."
            )
    if not is_full:
        return ""
    return (
        f"The disk of {folder} is full ({free // 1_000_000} MB free): nothing can be stored. Make "
        "room. Everything goes on by itself then."
    )
