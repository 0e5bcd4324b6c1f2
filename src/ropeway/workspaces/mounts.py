"""Mounts that only this process and those it starts can see, by the system calls of Linux (unshare(2), mount(2), user_namespaces(7)).

For a person who is not root, a user namespace gives the right to mount: in it they have their own user id and no other.
"""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from contextlib import ExitStack

_CLONE_NEWNS, _CLONE_NEWUSER = 0x00020000, 0x10000000
_MS_BIND, _MS_REC, _MS_PRIVATE, _MNT_DETACH = 4096, 16384, 1 << 18, 2
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2

_own: set[str] = set()
"""The mount namespaces that :func:`own_namespace` made for this process: one inside of another could not take away the mounts of the outer one."""


def own_namespace() -> None:
    """Let this process, which has one thread, see mounts of its own from now on. Called again, it does nothing.

    Raises:
        OSError: The system does not allow it.
    """
    if sys.platform != "linux":
        raise OSError(errno.ENOSYS, "only Linux has mount namespaces")
    if _namespace() in _own:
        return
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
    _own.add(_namespace())


def join(process: int) -> None:
    """Let this process, which has one thread, see the mounts that another one sees.

    For a person who is not root, both have to be theirs; this process then is in the other one's user namespace.

    Raises:
        OSError: The other one is gone, or the system does not allow it.
    """
    if sys.platform != "linux":
        raise OSError(errno.ENOSYS, "only Linux has mount namespaces")
    libc = ctypes.CDLL(None, use_errno=True)
    here = os.getcwd()
    with ExitStack() as opened:
        wanted = []
        for kind, flag in (
            ("user", _CLONE_NEWUSER),
            ("mnt", _CLONE_NEWNS),
        ):  # all are opened first: what is below /proc is another thing then
            namespace = os.open(f"/proc/{process}/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC)
            opened.callback(os.close, namespace)
            if os.fstat(namespace).st_ino != os.stat(f"/proc/self/ns/{kind}").st_ino:
                wanted.append((namespace, flag))
        for namespace, flag in wanted:
            if libc.setns(namespace, flag) != 0:
                raise _failed("setns")
    os.chdir(here)  # the system has put us into the root folder


def exchange(one: str, two: str) -> None:
    """Let two paths of one file system change places, at once.

    Raises:
        OSError: It can't be done; with ENOSYS or EINVAL, not on this system, or this file system.
    """
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is None:
        raise OSError(errno.ENOSYS, "no renameat2")
    if renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(two), ctypes.c_uint(_RENAME_EXCHANGE)) != 0:
        raise _failed("renameat2", one)


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


def _namespace() -> str:
    return os.readlink("/proc/thread-self/ns/mnt")


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
