"""Registries for the suite that all of them pass."""

from __future__ import annotations

from support.registry_fixtures import distribution, docker, memory

__all__ = ["distribution", "docker", "memory"]
