"""Whether a workflow from elsewhere may make us ask a host at all. Pure: no name is looked up, and nobody is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ropeway.bundles.identity import https_source, oci_source
from ropeway.errors import Refused
from ropeway.lang.reference import HttpsReference, OciReference
from ropeway.registry.http.hosts import is_inner

if TYPE_CHECKING:
    from collections.abc import Collection

    from ropeway.lang.reference import Reference
    from ropeway.registry.config import Registries

__all__ = ["check_remote"]


def check_remote(reference: Reference, registries: Registries, trusted: Collection[str] = ()) -> None:
    """Refuse what a workflow from elsewhere uses when it leads to this machine or an inner network, before the first byte goes there.

    Else its author could let us knock at doors that only we can reach, and read from the errors which are open. A name that everybody can look up may
    still lead to an inner address: that is seen by nobody but the resolver. What a configured registry names is the person's own choice.

    Args:
        reference: What it uses.
        registries: The person's: their hosts may be asked.
        trusted: References and sources that the person agreed to beforehand.

    Raises:
        Refused: The host is an inner one (code ``inner-host``).
    """
    if isinstance(reference, HttpsReference):
        source = https_source(reference.url)
    elif isinstance(reference, OciReference):
        source = oci_source(reference.host, reference.repository)
    else:
        return  # the person's registries and settings say where those lead
    if not is_inner(reference.host) or not {str(reference), source}.isdisjoint(trusted):
        return
    if registries.at(reference.host) is not None:
        return
    raise Refused(
        f"a workflow from elsewhere uses {reference}, which leads to this machine or to an inner network; nothing was asked there",
        hint=f"if that is as it should be, say --trust {reference}, or add the host as a registry",
        code="inner-host",
    )
