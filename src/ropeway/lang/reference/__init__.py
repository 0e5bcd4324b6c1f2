"""References: how people name a workflow or a skill. A pure grammar; nothing here looks at the disk or the network.

=========================================================  ===============================================================
form                                                       class
=========================================================  ===============================================================
``./x`` ``../x`` ``/x`` ``~/x`` ``file:…``                 :class:`PathReference`, taken whole
``https://….toml[#sha256:…]`` (``.yaml``, ``.yml``)        :class:`HttpsReference`
``[oci://]host[:port]/repo[:tag][@sha256:…]``              :class:`OciReference`
``name@owner/repo[#ref]``                                  :class:`AdHocReference`
``name@registry[#ref]``, ``name@[#ref]``                   :class:`RegistryReference`
anything ending in ``.toml`` ``.yaml`` ``.yml``            :class:`PathReference`
``name[#ref]``                                             :class:`LocalReference`
=========================================================  ===============================================================

Paths are recognised first; of all others the part behind the first ``#`` is set aside, then the first matching row wins, and a
malformed reference is never tried as the next form. ``str(parse_reference(text)) == text`` for whatever is accepted.
"""

from ropeway.lang.reference.forms import (
    AdHocReference,
    HttpsReference,
    LocalReference,
    OciReference,
    PathReference,
    Reference,
    RegistryReference,
)
from ropeway.lang.reference.parse import parse_reference
from ropeway.lang.reference.refs import InvalidReference, Ref

__all__ = [
    "AdHocReference",
    "HttpsReference",
    "InvalidReference",
    "LocalReference",
    "OciReference",
    "PathReference",
    "Ref",
    "Reference",
    "RegistryReference",
    "parse_reference",
]
