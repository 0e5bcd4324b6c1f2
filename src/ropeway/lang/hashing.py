"""SHA-256 without loading OpenSSL: that takes as long as to read and check a small workflow. For much data use :mod:`hashlib`, which is quicker then."""

try:
    from _sha256 import sha256  # type: ignore[import-not-found]
except ImportError:
    try:
        from _sha2 import sha256  # type: ignore[import-not-found]  # since 3.12
    except ImportError:
        from hashlib import sha256

__all__ = ["sha256"]
