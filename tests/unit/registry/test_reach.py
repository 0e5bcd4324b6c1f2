"""What a workflow from elsewhere may make us ask."""

from __future__ import annotations

import pytest

from ropeway.errors import Refused
from ropeway.lang.reference import parse_reference
from ropeway.registry.config import Registries, Registry
from ropeway.registry.reach import check_remote

NONE = Registries({}, None)


@pytest.mark.parametrize(
    "text",
    [
        "https://127.0.0.1:5796/internal.toml",
        "https://169.254.169.254/latest/a.yaml",
        "oci://localhost:5000/a/b:v1",
        "oci://[::1]:5000/a/b:v1",
        "localhost:5000/a/b@sha256:" + "0" * 64,
        "oci://10.0.0.1/a/b",
        "https://router/a.toml",
    ],
)
def test_an_inner_host_is_refused_unless_the_person_named_it(text: str) -> None:
    reference = parse_reference(text)
    with pytest.raises(Refused, match="leads to this machine or to an inner network") as caught:
        check_remote(reference, NONE)
    assert caught.value.code == "inner-host"
    assert f"--trust {reference}" in (caught.value.hint or "")
    check_remote(reference, NONE, [str(reference)])
    for scheme in ("oci", "https"):
        check_remote(reference, Registries({"a": Registry("a", "oci", f"{scheme}://{reference.host.upper()}/x")}, None))
    with pytest.raises(Refused):
        check_remote(reference, Registries({"a": Registry("a", "oci", "oci://ghcr.io/x")}, None), ["https://example.org/a.toml"])


@pytest.mark.parametrize("text", ["https://example.org/a.toml", "oci://ghcr.io/a/b", "build@acme/flows", "build@team", "oci://8.8.8.8/a/b"])
def test_other_references_are_not(text: str) -> None:
    check_remote(parse_reference(text), NONE)
