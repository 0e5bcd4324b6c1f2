"""Real registries for tests of the client."""

from __future__ import annotations

from support.registry_fixtures import authority, distribution, docker, docker_by_tls, docker_with_password, memory

__all__ = ["authority", "distribution", "docker", "docker_by_tls", "docker_with_password", "memory"]
