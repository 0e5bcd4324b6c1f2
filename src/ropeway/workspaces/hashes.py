"""SHA-1 and SHA-256 for little data: hashlib loads OpenSSL, which takes longer than all that a small working copy needs hashed."""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = ["sha1", "sha256"]

if TYPE_CHECKING:
    from hashlib import sha1, sha256
else:
    try:  # CPython's own modules
        from _sha1 import sha1
    except ImportError:
        from hashlib import sha1
    try:
        from _sha256 import sha256
    except ImportError:
        try:
            from _sha2 import sha256  # since 3.12
        except ImportError:
            from hashlib import sha256
