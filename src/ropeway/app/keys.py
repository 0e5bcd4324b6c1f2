"""The person's keys, joined with where they are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ropeway.bundles.keystore import PRIVATE_FILE, SERVICE, KeyStore
from ropeway.settings import config_dir
from ropeway.settings.secret_store import Store, system_keyring

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["open_keys"]


def open_keys(environ: Mapping[str, str]) -> KeyStore:
    """Return the person's keys. Looks for the system's keyring: call it where a private key is made or used."""
    folder = config_dir(environ)
    return KeyStore(folder, Store(folder, system_keyring(SERVICE), PRIVATE_FILE))
