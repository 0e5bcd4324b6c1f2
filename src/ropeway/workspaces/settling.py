"""Writing a folder out that only some processes can see, and putting that in its place."""

from __future__ import annotations

import errno
import os
import stat
from typing import Final

from ropeway.errors import StoreError
from ropeway.workspaces import mounts
from ropeway.workspaces.files import copy_folder, remove_tree

_NO_EXCHANGE: Final = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)


def write_out(path: str, whole: str) -> None:
    """Copy a folder with all that is in it. What its owner may not read is made readable for that time.

    Raises:
        StoreError: The copy can't be written, or something can't be read all the same.
        OSError: The same.
    """
    modes: dict[bytes, int] = {}
    while unread := [name.rstrip(b"/") for name in copy_folder(path, whole)]:
        stuck = [name for name in unread if name in modes or not _open_up(os.path.join(os.fsencode(path), name), name, modes)]
        if stuck:
            named = ", ".join(os.fsdecode(name) for name in stuck[:3])
            raise StoreError(f"the working copy {path} can't be written out: {named} can't be read", code="workspace-unread")
        remove_tree(whole)
    for name, mode in modes.items():
        os.chmod(os.path.join(os.fsencode(whole), name), mode)


def _open_up(path: bytes, name: bytes, modes: dict[bytes, int]) -> bool:
    try:
        found = os.lstat(path)
        os.chmod(path, stat.S_IMODE(found.st_mode) | (0o700 if stat.S_ISDIR(found.st_mode) else 0o400))
    except OSError:
        return False
    modes[name] = stat.S_IMODE(found.st_mode) | (0o700 if stat.S_ISDIR(found.st_mode) else 0)
    return True


def swap(path: str, whole: str, stub: str) -> None:
    """Put ``whole`` in the place of the folder at ``path``.

    Raises:
        OSError: It can't be done; everything is as it was.
    """
    try:
        mounts.exchange(path, whole)
    except OSError as error:
        if error.errno not in _NO_EXCHANGE:
            raise
    else:
        return
    os.rename(path, stub)
    try:
        os.rename(whole, path)
    except OSError:
        os.rename(stub, path)
        raise
