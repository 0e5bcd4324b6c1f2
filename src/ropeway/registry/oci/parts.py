"""The files of blobs that are being pulled: written by one process at a time, and under their own name only when they are whole."""

from __future__ import annotations

import fcntl
import hashlib
import os
import threading
from typing import TYPE_CHECKING

from ropeway.bundles.blobs import seen_of

if TYPE_CHECKING:
    from pathlib import Path

    from ropeway.bundles.blobs import Seen
    from ropeway.bundles.manifest import Descriptor

__all__ = ["claim", "seen_there", "write", "write_whole"]


def seen_there(target: Path, descriptor: Descriptor) -> Seen | None:
    """Return what a file is that has what it should; None when there is no such file."""
    try:
        with target.open("rb") as file:
            seen = seen_of(os.fstat(file.fileno()))
            if seen[2] != descriptor.size:
                return None
            algorithm, _, digits = descriptor.digest.partition(":")
            return seen if hashlib.file_digest(file, algorithm).hexdigest() == digits else None
    except FileNotFoundError:
        return None


def write_whole(target: Path, data: bytes) -> Seen:
    """Write a file that is there with all of it, or not at all; return what it is."""
    aside = f"{target}.{os.getpid()}-{threading.get_ident()}.part"
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        write(descriptor, memoryview(data))
        seen = seen_of(os.fstat(descriptor))
        os.replace(aside, target)  # noqa: PTH105 - a Path for each of hundreds of small files is dearer than the call
    except BaseException:
        os.unlink(aside)  # noqa: PTH108 - same
        raise
    finally:
        os.close(descriptor)
    return seen


def write(descriptor: int, data: memoryview) -> None:
    """Write all of it: a disk that gets full takes a part first."""
    while data:
        data = data[os.write(descriptor, data) :]


def claim(target: Path) -> tuple[Path, int]:
    """Open the part of a file for this process alone; when another one is at it, a part of our own that nobody goes on with."""
    part = target.with_name(target.name + ".part")
    while True:
        descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            part = target.with_name(f"{target.name}.{os.getpid()}-{threading.get_ident()}.part")
            continue
        try:
            if part.stat().st_ino == os.fstat(descriptor).st_ino:
                return part, descriptor
        except FileNotFoundError:
            pass  # its holder finished it between our opening and our lock
        os.close(descriptor)
