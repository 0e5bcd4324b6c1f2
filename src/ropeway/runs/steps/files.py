"""Files that a built-in action writes: below the working folder, whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from ropeway.errors import RopewayError


class ActionFailed(RopewayError):
    """A built-in action that looked, and found that it can't or must not succeed."""

    default_code = "action-failed"


class Target(NamedTuple):
    """A file that may be written: ``name`` as the workflow says it, ``path`` absolute with links resolved, ``below`` relative to the working folder."""

    name: str
    path: Path
    below: str

    def write(self, data: bytes, *, executable: bool = False) -> None:
        """Write the whole content at once: other processes see what was before, or all of it. Folders on the way are made.

        Raises:
            ActionFailed: It can't be written.
        """
        part = self.path.with_name(f".ropeway-{os.getpid()}.part")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            _forget(part)
            # The name may be known to others, so it must not be there: a link would lead the content elsewhere.
            with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o777 if executable else 0o666), "wb") as file:
                file.write(data)
            part.replace(self.path)
        except OSError as error:
            _forget(part)
            raise ActionFailed(f"can't write {self.name}: {error.strerror or error}") from error


def target(name: str) -> Target:
    """Return the file that ``name`` means in the working folder.

    Raises:
        ActionFailed: It lies outside, also by a link, or no file can have that name.
    """
    root = Path.cwd().resolve()
    try:
        path = (root / name).resolve()
    except (OSError, RuntimeError, ValueError) as error:  # a name with NUL, links in a circle
        raise ActionFailed(f"{name!r} can't be the path of a file: {error}") from error
    if root not in path.parents:
        what = "the working folder itself" if path == root else "outside of the working folder"
        raise ActionFailed(f"{name} is {what}", hint="give the path of a file below it")
    return Target(name, path, os.path.relpath(path, root))


def _forget(part: Path) -> None:
    try:
        part.unlink(missing_ok=True)
    except OSError:
        return  # the folder is not there, or is a file
