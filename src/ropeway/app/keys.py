"""The person's keys, joined with where they are kept: what ``workflow keys`` does, and what publishing and judging ask for."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from ropeway.bundles.keys import MAX_KEY_TEXT, PREFIX
from ropeway.bundles.keystore import PRIVATE_FILE, SERVICE, KeyStore, read_keys
from ropeway.bundles.verdicts import KEYS_FILE
from ropeway.errors import NotFound, Refused, StoreError, UsageError
from ropeway.settings import config_dir

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ropeway.bundles.keys import PublicKey
    from ropeway.bundles.sign import Signer

__all__ = [
    "exported",
    "generate",
    "import_private",
    "listed",
    "one",
    "open_keys",
    "public_keys",
    "read_file",
    "remove",
    "revoke",
    "signer",
    "trust",
    "write_export",
]

_SIGNERS: Final = {"key": "ropeway.app.keys:_own_signer"}
"""The built-in signers, as plugins of the group ``ropeway.signers``: called with what stands behind the colon."""


def open_keys(environ: Mapping[str, str]) -> KeyStore:
    """Return the person's keys. Looks for the system's keyring: call it where keys are changed or used for signing."""
    from ropeway.settings.secret_store import Store, system_keyring

    folder = config_dir(environ)
    return KeyStore(folder, Store(folder, system_keyring(SERVICE), PRIVATE_FILE))


def public_keys(environ: Mapping[str, str]) -> dict[str, PublicKey]:
    """Return the keys that the person has or trusts, by id, revoked and expired ones too; the keyring is not touched.

    Raises:
        UsageError: ``keys.toml`` is not as documented; the message has the line.
        Refused: Others may write to it.
        StoreError: It can't be read.
    """
    return {key.keyid: key for key in read_keys(config_dir(environ) / KEYS_FILE)}


def signer(environ: Mapping[str, str], text: str | None = None) -> Signer:
    """Return what to sign with.

    Args:
        environ: Says where the keys are.
        text: A key's name or id; ``PLUGIN:WHAT`` for a signer that a plugin brings (a hardware token, a signing service); None for the only key
            of one's own.

    Raises:
        NotFound: There is no such key or plugin, or none at all.
        UsageError: There are several, and none is named.
        Refused: The key was revoked, has expired, or is somebody else's.
        StoreError: Its private half can't be had now.
    """
    kind, colon, what = (text or "").partition(":")
    if text is None or not colon or kind == "sha256":
        return open_keys(environ).signer(text)
    from ropeway import plugins

    make = cast("Callable[[str], Signer]", plugins.find("ropeway.signers", kind, _SIGNERS))
    return make(what)


def _own_signer(text: str) -> Signer:
    return open_keys(os.environ).signer(text or None)


def generate(environ: Mapping[str, str], name: str, comment: str, expires: str | None) -> tuple[PublicKey, str]:
    """Make a key, and say where its private half is kept (``keyring`` or ``file``)."""
    from ropeway.bundles.keys import clean_comment

    return open_keys(environ).generate(name, clean_comment(comment), expires)


def import_private(
    environ: Mapping[str, str], text: str, name: str, comment: str, expires: str | None, password: Callable[[], str]
) -> tuple[PublicKey, str]:
    """Take a private key from PEM, and say where it is kept."""
    from ropeway.bundles.keys import clean_comment
    from ropeway.bundles.private_keys import end_after, read_private

    now = datetime.now(UTC).replace(microsecond=0)
    known: dict[str, Any] = {"name": name, "comment": clean_comment(comment), "created": now, "own": True}
    private = read_private(text, password, **known, expires=None if expires is None else end_after(now, expires))
    return private.public, open_keys(environ).add_own(private)


def listed(environ: Mapping[str, str]) -> list[tuple[PublicKey, str]]:
    """Return all keys with their state: ``valid``, ``expired`` or ``revoked``."""
    now = datetime.now(UTC)
    found = read_keys(config_dir(environ) / KEYS_FILE)
    return [(key, "revoked" if key.revoked is not None else "expired" if key.expired(now) else "valid") for key in found]


def one(environ: Mapping[str, str], text: str | None) -> PublicKey:
    """Return the key that is meant; without a name the only one of one's own.

    Raises:
        NotFound: There is none.
        UsageError: There are several, and none is named.
    """
    if text is not None:
        return open_keys(environ).get(text)
    own = [key for key in public_keys(environ).values() if key.own]
    if not own:
        raise NotFound("you have no key", hint="make one: workflow keys generate", code="key-not-found")
    if len(own) > 1:
        names = ", ".join(key.name for key in own)
        raise UsageError(f"you have several keys: {names}", hint="name the one that you mean", code="key-ambiguous")
    return own[0]


def exported(environ: Mapping[str, str], key: PublicKey, *, private: bool, pem: bool) -> str:
    """Return a key's text: its line, PEM, or the private half as PEM."""
    return open_keys(environ).export(key.keyid, private=private, as_pem=pem)


def write_export(file: str, text: str, *, private: bool) -> None:
    """Write an exported key to a file; a private one gets mode 0600 and replaces nothing.

    Raises:
        Refused: A private key would replace a file.
        StoreError: It can't be written.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | (os.O_EXCL if private else os.O_TRUNC)
    try:
        with os.fdopen(os.open(file, flags, 0o600 if private else 0o644), "w", encoding="utf-8") as out:
            out.write(text)
    except FileExistsError:
        raise Refused(f"{file} is there already", hint="a private key replaces nothing: name another file", code="file-exists") from None
    except OSError as error:
        raise StoreError(f"{file} can not be written: {error.strerror}") from error


def trust(environ: Mapping[str, str], words: Sequence[str], name: str | None, stdin: BinaryIO) -> PublicKey:
    """Trust a key: from a file, from its text (in one word or several), or from standard input (``-``)."""
    text = " ".join(words)
    if len(words) == 1 and not text.startswith((PREFIX, "-----BEGIN ")):
        text = read_file(text, stdin)
    return open_keys(environ).trust(text, name)


def read_file(file: str, stdin: BinaryIO) -> str:
    """Return the text of a file with a key, or of standard input (``-``).

    Raises:
        NotFound: There is no such file.
        UsageError: It is too large, or no text.
        StoreError: It can't be read.
    """
    try:
        if file == "-":
            raw = stdin.read(MAX_KEY_TEXT + 1)
        else:
            with Path(file).open("rb") as opened:
                raw = opened.read(MAX_KEY_TEXT + 1)
        text = raw.decode()
    except FileNotFoundError:
        hint = f"a key is given as a file, as its line ({PREFIX} …), or as - for standard input"
        raise NotFound(f"there is no file {file!r:.100}", hint=hint, code="file-not-found") from None
    except UnicodeDecodeError:
        raise UsageError(f"{file} is no key: it is not text", hint="a key is one line, or PEM", code="invalid-key") from None
    except OSError as error:
        raise StoreError(f"{file} can not be read: {error.strerror}") from error
    if len(raw) > MAX_KEY_TEXT:
        raise UsageError(f"{file} is no key: it has more than {MAX_KEY_TEXT:,} bytes", hint="a key is one line, or PEM", code="invalid-key")
    return text


def revoke(environ: Mapping[str, str], key: PublicKey, reason: str) -> PublicKey:
    """Take a key back."""
    from ropeway.bundles.keys import clean_comment

    return open_keys(environ).revoke(key.keyid, clean_comment(reason))


def remove(environ: Mapping[str, str], key: PublicKey) -> None:
    """Forget a key, with its private half."""
    open_keys(environ).remove(key.keyid)
