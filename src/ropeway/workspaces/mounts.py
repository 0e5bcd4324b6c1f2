"""Mounts that only this process and those it starts can see, by the system calls of Linux (unshare(2), mount(2), user_namespaces(7)).

For a person who is not root, a user namespace gives the right to mount: in it they have their own user id and no other.
"""

from __future__ import annotations

import ctypes
import errno
import os
import sys

_CLONE_NEWNS, _CLONE_NEWUSER = 0x00020000, 0x10000000
_MS_BIND, _MS_REC, _MS_PRIVATE, _MNT_DETACH = 4096, 16384, 1 << 18, 2


def own_namespace() -> None:
    """Let this process, which has one thread, see mounts of its own from now on. Fine when called twice.

    Raises:
        OSError: The system does not allow it.
    """
    if sys.platform != "linux":
        raise OSError(errno.ENOSYS, "only Linux has mount namespaces")
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.geteuid(), os.getegid()
    root = user == 0
    if libc.unshare(_CLONE_NEWNS if root else _CLONE_NEWNS | _CLONE_NEWUSER) != 0:
        raise _failed("unshare")
    if not root:
        for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
                file.write(text)
    _mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE, None)


def mount_overlay(lower: str, upper: str, work: str, target: str) -> None:
    """Show ``lower`` at ``target``; what is changed there goes to ``upper``. ``work`` is an empty folder beside ``upper``.

    Raises:
        OSError: The system can't do it, or not with these folders.
    """
    options = f"lowerdir={_escaped(lower)},upperdir={_escaped(upper)},workdir={_escaped(work)}"
    if os.geteuid() != 0:
        options += ",userxattr"
    _mount(b"overlay", os.fsencode(target), b"overlay", 0, os.fsencode(options))


def bind(source: str, target: str) -> None:
    """Show a folder at another place as well.

    Raises:
        OSError: It can't be done.
    """
    _mount(os.fsencode(source), os.fsencode(target), None, _MS_BIND, None)


def unmount(target: str) -> None:
    """Take away what is mounted at a folder, with what is mounted inside of it.

    Raises:
        OSError: Nothing is.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.umount2(os.fsencode(target), _MNT_DETACH) != 0:
        raise _failed("umount", target)


def _mount(source: bytes, target: bytes, kind: bytes | None, flags: int, data: bytes | None) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(source, target, kind, ctypes.c_ulong(flags), data) != 0:
        raise _failed("mount", os.fsdecode(target))


def _escaped(path: str) -> str:
    """Return a path as an option's value: a backslash before what would end it."""
    return "".join(f"\\{letter}" if letter in "\\,:" else letter for letter in path)


def _failed(call: str, what: str = "") -> OSError:
    number = ctypes.get_errno()
    return OSError(number, f"{call}: {os.strerror(number)}", what or None)
