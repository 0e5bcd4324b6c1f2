"""The person's keys, joined with where they are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ropeway.bundles.keystore import PRIVATE_FILE, SERVICE, KeyStore, read_keys
from ropeway.bundles.verdicts import KEYS_FILE
from ropeway.settings import config_dir

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ropeway.bundles.keys import PublicKey

__all__ = ["open_keys", "public_keys"]


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
