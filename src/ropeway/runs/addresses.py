"""The addresses of steps: ``build``, ``each[0]``, ``polish#2``, ``release/build``, and what stands inside of what."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["depth", "in_order", "inside", "outer", "outers", "top"]


def outer(address: str) -> str:
    """Return the address of what a unit or an inner step belongs to; empty for a step of the workflow itself."""
    return address[: max(address.rfind("["), address.rfind("#"), address.rfind("/"), 0)]


def outers(address: str) -> Iterator[str]:
    """Yield the addresses of all that a unit or an inner step belongs to, the innermost first."""
    while address := outer(address):
        yield address


def top(address: str) -> str:
    """Return the step of the workflow itself that an address belongs to."""
    for place, letter in enumerate(address):
        if letter in "[#/":
            return address[:place]
    return address


def depth(address: str) -> int:
    """Return how many levels a unit or step stands below a step of the workflow."""
    return sum(address.count(mark) for mark in "[#/")


def in_order(addresses: Iterable[str]) -> list[str]:
    """Return addresses with what belongs to a step right behind it: instances and iterations by number, all else as it came."""
    known = dict.fromkeys(addresses)
    below: dict[str, list[str]] = {}
    for address in known:
        up = outer(address)
        while up and up not in known:
            up = outer(up)
        below.setdefault(up, []).append(address)
    if len(below) <= 1:
        return list(known)
    found: list[str] = []
    left = below[""][::-1]
    while left:
        address = left.pop()
        found.append(address)
        left.extend(sorted(below.get(address, ()), key=_number)[::-1])
    return found


def _number(address: str) -> int:
    last = address[len(outer(address)) :]
    return int(last.strip("[]#")) if last[0] in "[#" else 0


def inside(address: str, of: str) -> bool:
    """Whether an address is that of a step, or of anything that belongs to it."""
    return address == of or (address.startswith(of) and address[len(of)] in "[#/")
