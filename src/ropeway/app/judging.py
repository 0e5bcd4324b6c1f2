"""Whether what was found elsewhere may be used: joins the person's rules, keys and memory with the decision in ``bundles.trust``."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from ropeway.bundles.verdicts import POLICY_FILE, Subject, Verdicts, standing
from ropeway.records import replace
from ropeway.registry import Pin
from ropeway.settings import config_dir, state_dir

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from ropeway.bundles.known import Known
    from ropeway.bundles.verdicts import Verdict
    from ropeway.registry import Evidence, Fetched, Wanted
    from ropeway.registry.lockfile import Locked

__all__ = ["Judge", "is_claimed"]


def is_claimed(subject: Subject, servers: Collection[str]) -> bool:
    """Whether a subject is a name with an owner on a server of ours, where nothing is published without a signature."""
    return subject.source.removeprefix("oci://").partition("/")[0] in servers and "/" in subject.full_name


class Judge:
    """Decides for one command.

    Args:
        environ: Says where the person's configuration and state are.
        servers: Gives the hosts of our own servers that the person has configured.
    """

    def __init__(self, environ: Mapping[str, str], servers: Callable[[], Collection[str]] = tuple) -> None:
        self._environ = environ
        self._servers = servers
        self._config = config_dir(environ)
        self._state = state_dir(environ)
        self._verdicts = Verdicts(self._state / "verdicts")
        self._signers: dict[tuple[str, str], tuple[str, ...]] = {}

    @cached_property
    def known(self) -> Known:
        """What the person has used before."""
        from ropeway.bundles.known import KNOWN_FILE, Known

        return Known(self._state / KNOWN_FILE)

    @cached_property
    def _standing(self) -> str:
        return standing(self._config)

    def signers(self, fetched: Fetched) -> tuple[str, ...]:
        """Return the ids of the keys that vouch for what was judged before."""
        return self._signers.get((fetched.pin.source, fetched.pin.digest), ())

    def who(self, signers: tuple[str, ...]) -> tuple[str, ...]:
        """Return signers for people: the digits of each key, with its name where it is known here."""
        if not signers:
            return ()
        from ropeway.app.keys import public_keys
        from ropeway.bundles.keys import short

        keys = public_keys(self._environ)
        return tuple(keys[signer].shown if signer in keys else short(signer) for signer in signers)

    def locked(self, pin: Pin, evidence: Evidence, entry: Locked) -> Verdict:
        """Judge what is locked; raises the named errors of ``bundles.problems``. One that was judged before under the same rules costs nothing."""
        subject = _subject(pin, "")
        verdict = self._verdicts.get(subject, self._standing, entry.signers)
        if verdict is None:
            verdict = replace(self._judged(subject, evidence, entry), ask=False)
            self._verdicts.put(subject, self._standing, verdict)
        self._signers[pin.source, pin.digest] = verdict.signers
        return verdict

    def first(self, pin: Pin, evidence: Evidence, wanted: Wanted, before: Locked | None) -> Verdict:
        """Judge what a reference was found to mean now; ``before`` is what it is locked to. Raises the named errors of ``bundles.problems``."""
        verdict = self._judged(_subject(pin, _ref(wanted)), evidence, before)
        self._signers[pin.source, pin.digest] = verdict.signers
        return verdict

    def _judged(self, subject: Subject, evidence: Evidence, entry: Locked | None) -> Verdict:
        from ropeway.app.keys import public_keys
        from ropeway.bundles.policy import read_policy
        from ropeway.bundles.trust import judge

        return judge(
            subject,
            evidence.manifest,
            evidence.signatures,
            policy=read_policy(self._config / POLICY_FILE),
            keys=public_keys(self._environ),
            seen=self.known.seen(subject.source, subject.name),
            locked=entry,
            now=datetime.now(UTC),
            claimed=is_claimed(subject, self._servers()),
        )

    def remember(self, pin: Pin, wanted: Wanted, verdict: Verdict) -> None:
        """Note that content was used, so that another one under the same name is noticed."""
        from ropeway.bundles.known import noted

        subject = _subject(pin, _ref(wanted))
        self.known.remember(noted(subject, verdict, datetime.now(UTC).replace(microsecond=0)))

    def last_seen(self, source: str, wanted: Wanted) -> Pin | None:
        """Return what a reference led to when it was last used, None when it never was."""
        seen = self.known.last(source, wanted.name, _ref(wanted))
        if seen is None:
            return None
        return Pin(source, wanted.name, seen.digest, seen.version, seen.moving, kind=wanted.kind)


def _subject(pin: Pin, ref: str) -> Subject:
    return Subject(pin.source, pin.name, pin.digest, pin.version, pin.moving, pin.kind, ref)


def _ref(wanted: Wanted) -> str:
    return "" if wanted.ref is None else wanted.ref.text
