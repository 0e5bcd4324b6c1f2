"""Whether the person's rules let them use what a tag that may move means now.

Such a tag means other content tomorrow, and that is no attack; so nothing is remembered here, and only two things are asked: that every signature there
is fits, and that those are there that ``trust.toml`` asks for. What runs is judged with memory, in :mod:`ropeway.app.judging`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ropeway.app.judging import is_claimed
from ropeway.bundles.identity import oci_source
from ropeway.bundles.verdicts import POLICY_FILE, Subject
from ropeway.registry.config import read_registries
from ropeway.registry.identity import servers
from ropeway.registry.oci.signatures import signatures_of
from ropeway.settings import config_dir

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ropeway.bundles.kinds import Kind
    from ropeway.bundles.manifest import Manifest
    from ropeway.registry.oci.client import Client

__all__ = ["check"]


def check(client: Client, repository: str, tag: str, manifest: Manifest, environ: Mapping[str, str], *, kind: Kind = "workflow") -> None:
    """Refuse content that the person's rules do not let them use.

    Raises:
        BundleRefused: One of its named errors says what is wrong with the signatures, or that they are missing.
        UsageError: ``trust.toml`` is not as documented.
        RopewayError: What the client raises.
    """
    signatures = signatures_of(client, repository, manifest.digest)
    subject = Subject(oci_source(client.host, repository), repository, manifest.digest, tag, moving=True, kind=kind, ref=tag)
    rules = config_dir(environ) / POLICY_FILE
    claimed = is_claimed(subject, servers(read_registries(environ)))
    if not signatures and not claimed and not rules.exists():
        return  # nothing is asked for, and nothing is there
    from ropeway.app.keys import public_keys
    from ropeway.bundles.policy import read_policy
    from ropeway.bundles.trust import judge

    keys = public_keys(environ)
    judge(subject, manifest.raw, signatures, policy=read_policy(rules), keys=keys, now=datetime.now(UTC), claimed=claimed)
