"""The places where expressions may stand, and what may be said in each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ropeway.lang.expressions.types import Type
    from ropeway.lang.model import Field

_ONLY_WHEN: Final = dict.fromkeys(("success", "failure", "always"), "only 'when' asks how the steps before went")
_NO_FILES: Final = dict.fromkeys(("file", "hash_files"), "there is no workspace yet to read from; use a parameter")


class Place(NamedTuple):
    """A kind of place.

    ``refused`` names functions that mean nothing there, with the reason. ``exposed`` says why a secret may not stand there, None where it
    may; ``instead`` what to do with it.
    """

    refused: Mapping[str, str] = _ONLY_WHEN
    exposed: str | None = None
    instead: str | None = None


class Scope(NamedTuple):
    """What an expression can see.

    ``names`` are the contexts but ``steps``. ``steps`` says which steps: those that ``reader`` needs, all of them (at the end of the run),
    or none. ``own``: the reader itself too. ``settled``: the reader also runs after failures. ``inputs`` are the declarations behind the
    context of that name.
    """

    names: Mapping[str, Type]
    steps: Literal["needed", "all", "none"] = "none"
    reader: str | None = None
    own: bool = False
    settled: bool = False
    inputs: Mapping[str, Field] | None = None


_WRITTEN: Final = "it would be written down with the run"
_OTHER_PATH: Final = "use a path that does not depend on it"

PLAIN: Final = Place()
"""Scripts, environment variables, ``until``, and inputs of what keeps them to itself."""
WHEN: Final = Place({})
ARGUMENT: Final = Place(
    exposed="every process on the machine can read arguments", instead="hand it over in 'env', where only the step sees it"
)
FOREACH: Final = Place(exposed=_WRITTEN, instead="loop over something else and read the secret in 'env'")
PATH: Final = Place(exposed=_WRITTEN, instead=_OTHER_PATH)
OUTPUT: Final = Place(exposed=_WRITTEN, instead="a workflow gives no secrets away")
GROUP: Final = Place({**_ONLY_WHEN, **_NO_FILES}, exposed=_WRITTEN, instead="name the group by something else")
SHOWN: Final = Place(exposed=_WRITTEN, instead="this input is shown to people; hand over something else")
DECLARED: Final = Place(exposed="this input is not declared as a secret", instead='declare it: type = "secret"')
