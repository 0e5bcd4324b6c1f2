"""Other people's workflow documents, read into our model.

A document is told apart by its shape alone, so that ``workflow run FILE`` needs no option. One dialect is known today: Pallet
(``metadata:`` and a list of steps). What a dialect reads is a plain :class:`~ropeway.lang.model.Workflow`: everything after it,
validation, planning, running, drawing, does not know where it came from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ropeway.lang.diagnostics import Locator, Problems
    from ropeway.lang.dialects.pallet import Readable
    from ropeway.lang.model import Workflow

__all__ = ["is_pallet", "locator_for", "read_dialect"]


def is_pallet(data: Any) -> bool:
    """Whether a document is of the Pallet kind: it has ``metadata``, and its steps, when there are any, are not a table."""
    return isinstance(data, dict) and "metadata" in data and not isinstance(data.get("steps"), dict)


def read_dialect(document: Readable, problems: Problems) -> Workflow | None:
    """Read a document of another dialect.

    Args:
        document: What ``read_document`` returned, for which :func:`is_pallet` holds.
        problems: Takes every problem found. Make it with :func:`locator_for`, so that what later stages find in the *model* is
            shown where it stands in the document.

    Returns:
        The workflow, or None when a problem kept it from being made.
    """
    from ropeway.lang.dialects.pallet import read_pallet

    return read_pallet(document, problems)


def locator_for(document: Readable) -> Locator:
    """Return what finds places in a document, by paths of the document and of the model alike."""
    if not is_pallet(document.data):
        return document
    from ropeway.lang.dialects.pallet_places import PalletLocator

    return PalletLocator(document)
