"""The person's keys: public ones in ``keys.toml``, their own private halves in the keyring or a file of mode 0600 (``keys.json``).

::

    version = 1

    [[key]]
    name = "acme-release"
    key = "ropeway-ed25519 QwiRm0G…q2M= Release key of Acme"
    own = false
    created = 2026-11-21T09:51:47Z
    expires = 2027-11-21T00:00:00Z
    revoked = 2026-12-01T00:00:00Z
    reason = "lost with a laptop"

Whoever could write to ``keys.toml`` could decide whom the person trusts, so a file that others may write to is refused.
"""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from ropeway.bundles.keys import PublicKey, find_key, only_name, parse_key, pem
from ropeway.bundles.private_keys import PrivateKey, end_after
from ropeway.bundles.toml_files import changing, read_tables, toml_time, write_whole
from ropeway.bundles.verdicts import KEYS_FILE
from ropeway.errors import NotFound, Refused, StoreError, UsageError
from ropeway.records import replace
from ropeway.settings.toml_text import toml_string

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from ropeway.bundles.toml_files import Table
    from ropeway.settings.secret_store import Place, Store

__all__ = ["KEYS_FILE", "PRIVATE_FILE", "SERVICE", "KeyStore", "read_keys"]

PRIVATE_FILE: Final = "keys.json"
SERVICE: Final = "ropeway-keys"
"""Under what the keyring keeps private keys."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}")
_KEYS: Final = ("name", "key", "own", "created", "expires", "revoked", "reason")
_HEAD: Final = "# Keys that you have or trust; `workflow keys list` shows them.\nversion = 1\n"


class KeyStore:
    """The keys of one person.

    Args:
        folder: The configuration folder.
        secrets: Where private halves are kept.
        now: The clock.
    """

    def __init__(self, folder: Path, secrets: Store, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._path = folder / KEYS_FILE
        self._secrets = secrets
        self._now = now

    def list(self) -> tuple[PublicKey, ...]:
        """Return all keys, own ones first, then by name.

        Raises:
            UsageError: ``keys.toml`` is not as documented; the message has the line.
            Refused: Others may write to it.
            StoreError: It can't be read.
        """
        return read_keys(self._path)

    def public(self) -> Mapping[str, PublicKey]:
        """Return all keys by id: what ``verify`` and ``judge`` want, revoked and expired ones too. Errors are those of :meth:`list`."""
        return {key.keyid: key for key in self.list()}

    def get(self, text: str) -> PublicKey:
        """Return the key with a name, or whose id begins so; raises :class:`NotFound`."""
        every = self.list()
        key = find_key(text, every)
        if key is None:
            names = ", ".join(each.name for each in every)
            hint = (
                f"keys here: {names}" if names else "`workflow keys generate` makes one, `workflow keys trust` takes one of somebody else"
            )
            raise NotFound(f"there is no key {text!r:.80}", hint=hint, code="key-not-found")
        return key

    def generate(self, name: str, comment: str = "", expires: str | None = None) -> tuple[PublicKey, Place]:
        """Make a key of one's own, good for a time such as ``1y``, and say where its private half is kept.

        Raises:
            UsageError: The name or the time is none.
            Refused: There is a key of that name (code ``key-exists``).
        """
        import os

        now = self._now().replace(microsecond=0)
        ends = None if expires is None else end_after(now, expires)
        made = PrivateKey(os.urandom(32), name=name, comment=comment, created=now, expires=ends, own=True)
        return made.public, self.add_own(made)

    def add_own(self, private: PrivateKey) -> Place:
        """Keep a private key and its public half. One that is known keeps its name; without its private half it gets that back.

        Raises:
            UsageError: The name is none.
            Refused: The name is another key's, or the key has another name here (code ``key-exists``); it was revoked.
        """
        key = replace(private.public, own=True)
        with changing(self._path):
            every = self._free(key)
            known = next((each for each in every if each.keyid == key.keyid), None)
            if known is not None and known.revoked is not None:
                raise Refused(f"the key {known.shown} was revoked", hint="make a new one: workflow keys generate", code="key-revoked")
            if known is not None:
                only_name(known, key.name)
                key = replace(known, own=True, comment=key.comment or known.comment, expires=key.expires or known.expires)
            place = self._secrets.set(key.keyid, base64.b64encode(private.seed()).decode())
            self._write((*(each for each in every if each.keyid != key.keyid), key))
        return place

    def trust(self, text: str, name: str | None = None) -> PublicKey:
        """Trust a key of somebody else: from its text form or PEM. One of one's own is trusted already, and returned as it is.

        Raises:
            UsageError: It is no key, or the name is none.
            Refused: The name is another key's, or the key has another name here (code ``key-exists``); it was revoked.
        """
        found = parse_key(text)
        with changing(self._path):
            known = next((each for each in self.list() if each.keyid == found.keyid), None)
            usual = _name_from(found) if known is None else known.name
            key = replace(found, name=name or usual, created=self._now().replace(microsecond=0))
            every = self._free(key)
            if known is not None:
                if known.revoked is not None:
                    hint = "if it is good again, remove it first: workflow keys remove " + known.name
                    raise Refused(f"the key {known.shown} was revoked", hint=hint, code="key-revoked")
                only_name(known, key.name)
                if known.own:
                    return known
                key = replace(known, comment=key.comment or known.comment, expires=key.expires or known.expires)
            self._write((*(each for each in every if each.keyid != key.keyid), key))
        return key

    def revoke(self, text: str, reason: str = "") -> PublicKey:
        """Take a key back: what is signed with it is refused from now on. Raises :class:`NotFound` when it is not known."""
        with changing(self._path):
            key = self.get(text)
            if key.revoked is None:
                key = replace(key, revoked=self._now().replace(microsecond=0), reason=reason)
                self._write(tuple(key if each.keyid == key.keyid else each for each in self.list()))
        return key

    def remove(self, text: str) -> PublicKey:
        """Forget a key, its private half too. Raises :class:`NotFound` when it is not known."""
        with changing(self._path):
            key = self.get(text)
            self._write(tuple(each for each in self.list() if each.keyid != key.keyid))
            if key.own and key.keyid in self._secrets.names():
                self._secrets.remove(key.keyid)
        return key

    def export(self, text: str, *, private: bool = False, as_pem: bool = False) -> str:
        """Return a key for others: its line, or PEM; or the private half as PEM.

        Raises:
            NotFound: There is no such key.
            Refused: It is somebody else's, so there is no private half.
            StoreError: The private half can't be had now.
        """
        key = self.get(text)
        if private:
            return self._private(key).pem()
        return pem(key.raw) if as_pem else key.line() + "\n"

    def signer(self, text: str | None = None) -> PrivateKey:
        """Return the key to sign with: the one that is named, else the only usable one of one's own.

        Raises:
            NotFound: There is none.
            UsageError: There are several, and none is named.
            Refused: It was revoked, has expired, or is somebody else's.
            StoreError: Its private half can't be had now.
        """
        now = self._now()
        if text is not None:
            key = self.get(text)
        else:
            usable = [key for key in self.list() if key.own and key.revoked is None and not key.expired(now)]
            if not usable:
                raise NotFound("there is no key to sign with", hint="make one: workflow keys generate", code="key-not-found")
            if len(usable) > 1:
                names = ", ".join(key.name for key in usable)
                raise UsageError(
                    f"there are several keys to sign with: {names}", hint=f"name one: --key {usable[0].name}", code="key-ambiguous"
                )
            key = usable[0]
        if key.revoked is not None:
            raise Refused(f"the key {key.shown} was revoked", hint="sign with another one", code="key-revoked")
        if key.expired(now):
            raise Refused(
                f"the key {key.shown} expired on {key.expires:%Y-%m-%d}", hint="make a new one: workflow keys generate", code="key-expired"
            )
        return self._private(key)

    def _private(self, key: PublicKey) -> PrivateKey:
        if not key.own:
            raise Refused(
                f"the key {key.shown} is somebody else's: its private half is not here",
                hint="`workflow keys list` shows yours",
                code="key-not-yours",
            )
        text = self._secrets.get(key.keyid)
        try:
            seed = b"" if text is None else base64.b64decode(text, validate=True)
        except ValueError:
            seed = b""
        found = (
            PrivateKey(seed, name=key.name, comment=key.comment, created=key.created, expires=key.expires, own=True)
            if len(seed) == 32
            else None
        )
        if found is None or found.keyid != key.keyid:
            what = "is gone" if text is None else "is damaged"
            hint = f"if you have a copy: workflow keys remove {key.name}, then workflow keys import FILE --name {key.name}"
            raise StoreError(f"the private half of the key {key.shown} {what}", hint=hint, code="key-lost")
        return found

    def _free(self, key: PublicKey) -> tuple[PublicKey, ...]:
        """Return all keys, after making sure that the name is one and free."""
        if not _NAME.fullmatch(key.name):
            hint = "letters, digits, dots, dashes, underscores, + and @, at most 64"
            raise UsageError(f"{key.name!r:.80} can not be the name of a key", hint=hint, code="invalid-key")
        every = self.list()
        other = next((each for each in every if each.name == key.name and each.keyid != key.keyid), None)
        if other is not None:
            raise Refused(
                f"there is another key called {key.name}: {other.short}", hint="choose another name, or remove that one", code="key-exists"
            )
        return every

    def _write(self, keys: tuple[PublicKey, ...]) -> None:
        write_whole(self._path, "\n".join([_HEAD, *(_text(key) for key in sorted(keys, key=lambda key: (not key.own, key.name)))]))


def read_keys(path: Path) -> tuple[PublicKey, ...]:
    """Return the keys of ``keys.toml``, own ones first, then by name; none when it is not there.

    Raises:
        UsageError: It is not as documented; the message has the line.
        Refused: Others may write to it.
        StoreError: It can't be read.
    """
    found: dict[str, PublicKey] = {}
    for table in read_tables(path, "key", code="invalid-keys"):
        key = _key(table)
        if key.keyid in found or any(each.name == key.name for each in found.values()):
            raise table.wrong(None, f"the key {key.shown} stands there twice, or two have one name", "remove one of the two")
        found[key.keyid] = key
    return tuple(sorted(found.values(), key=lambda key: (not key.own, key.name)))


def _name_from(key: PublicKey) -> str:
    """Return a name for a key that comes without one: its comment's first word if that can be one, else the digits of its id."""
    word = key.comment.partition(" ")[0]
    return word if _NAME.fullmatch(word) else key.short


def _text(key: PublicKey) -> str:
    lines = ["[[key]]", f"name = {toml_string(key.name)}", f"key = {toml_string(replace(key, expires=None).line())}"]
    if key.own:
        lines.append("own = true")
    lines += [f"{name} = {toml_time(time)}" for name in ("created", "expires", "revoked") if (time := getattr(key, name)) is not None]
    if key.reason:
        lines.append(f"reason = {toml_string(key.reason)}")
    return "\n".join([*lines, ""])


def _key(table: Table) -> PublicKey:
    table.only(_KEYS)
    try:
        key = parse_key(table.text("key"))
    except UsageError as error:
        raise table.wrong("key", error.message, error.hint) from None
    name = table.text("name")
    if not _NAME.fullmatch(name):
        raise table.wrong("name", f"{name!r:.80} can not be the name of a key", "letters, digits, dots, dashes, underscores, + and @")
    return replace(
        key,
        name=name,
        own=table.flag("own"),
        created=table.time("created"),
        expires=table.time("expires") or key.expires,
        revoked=table.time("revoked"),
        reason=table.text("reason", ""),
    )
