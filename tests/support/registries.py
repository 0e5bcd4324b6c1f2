"""Real registries for tests: started on 127.0.0.1 at a port of their own, ready when the ``with`` block begins, gone when it ends.

``docker_registry`` is Debian's (2.8: no referrers API), ``distribution_registry`` version 3 of the same (none either), ``memory_registry`` the one of
go-containerregistry (with it). ``tls_front`` puts nginx before any of them, with a certificate of an ``Authority`` made here. The fake that ships is
``ropeway.testing.registries.FakeRegistry``. tests/support/registry_fixtures.py makes fixtures of them all.
"""

from __future__ import annotations

import base64
import datetime as dt
import ipaddress
import json
import os
import re
import shutil
import socket
import socketserver
import subprocess
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

LOGIN = ("ada", "difference-engine")
"""The name and the password that registries with a password take."""

FAR = "registry.example.org"
"""A name that is not this machine's: it is reached by ``proxy``."""

# bcrypt, with the fewest rounds there are: `htpasswd -nbB -C 4 ada difference-engine`.
_HTPASSWD = "ada:$2b$04$Q1w2E3r4T5y6U7i8O9p0AePi4CEVbHfJBVZlVRbAjX23LMnSSyUce\n"

_PATIENCE = 20.0
"""Seconds until a server that does not get ready is a failure."""


@dataclass(frozen=True)
class Running:
    """A server: ``host`` is ``127.0.0.1:port``, or ``localhost:port`` where it has a certificate, made by ``ca``."""

    host: str
    pid: int
    folder: Path
    ca: Path | None = None
    login: tuple[str, str] | None = None
    said: list[str] = field(default_factory=list)
    """What it wrote to its standard error, by line."""

    @property
    def url(self) -> str:
        """The address with its scheme."""
        return f"{'http' if self.ca is None else 'https'}://{self.host}"


def program(name: str) -> str:
    """Return a program's path; a test without it skips, and fails where CI is set."""
    found = shutil.which(name)
    if found is None:
        said = f"{name} is missing, get it with scripts/install-test-tools {name}"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(said)
    return found


def unique(prefix: str = "test") -> str:
    """Return a repository's name that no other test uses."""
    return f"{prefix}/{uuid.uuid4().hex[:12]}"


def docker_config(folder: Path, host: str, login: tuple[str, str] = LOGIN) -> dict[str, str]:
    """Write docker's configuration with a password in it, and return the variable that names its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    secret = base64.b64encode(":".join(login).encode()).decode()
    (folder / "config.json").write_text(json.dumps({"auths": {host: {"auth": secret}}}))
    return {"DOCKER_CONFIG": str(folder)}


@contextmanager
def docker_registry(folder: Path, *, password: bool = False) -> Iterator[Running]:
    """Serve Debian's docker-registry, a distribution 2.8, with its data in the folder."""
    with _distribution("docker-registry", folder, password=password) as running:
        yield running


@contextmanager
def distribution_registry(folder: Path, *, password: bool = False) -> Iterator[Running]:
    """Serve distribution 3 with its data in the folder."""
    with _distribution("distribution-registry", folder, password=password) as running:
        yield running


@contextmanager
def memory_registry(folder: Path) -> Iterator[Running]:
    """Serve go-containerregistry's registry, which has the referrers API and keeps everything in memory."""
    with _started([program("ropeway-oras"), "serve"], folder, r"listening on (127\.0\.0\.1:\d+)") as (process, said, found):
        yield Running(found, process.pid, folder, said=said)


@contextmanager
def _distribution(name: str, folder: Path, *, password: bool) -> Iterator[Running]:
    folder.mkdir(parents=True, exist_ok=True)
    settings = {
        "version": "0.1",
        "log": {"level": "info", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}, "delete": {"enabled": True}},
        "http": {"addr": "127.0.0.1:0", "secret": "the same for all"},
    }
    if password:
        (folder / "htpasswd").write_text(_HTPASSWD)
        settings["auth"] = {"htpasswd": {"realm": "tests", "path": str(folder / "htpasswd")}}
    configuration = folder / "config.json"  # YAML takes JSON
    configuration.write_text(json.dumps(settings))
    argv = [program(name), "serve", str(configuration)]
    with _started(argv, folder, r"listening on (127\.0\.0\.1:\d+)") as (process, said, found):
        yield Running(found, process.pid, folder, login=LOGIN if password else None, said=said)


@contextmanager
def _started(argv: Sequence[str], folder: Path, ready: str) -> Iterator[tuple[subprocess.Popen[bytes], list[str], str]]:
    """Start a server and wait until it says where it listens: the first group of ``ready``. It ends with the block."""
    folder.mkdir(parents=True, exist_ok=True)
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("REGISTRY_", "OTEL_"))} | {
        "OTEL_TRACES_EXPORTER": "none"
    }
    process = subprocess.Popen(argv, cwd=folder, env=environ, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said: list[str] = []
    found: list[str] = []
    known = threading.Event()

    def listen() -> None:
        for line in process.stderr:
            said.append(line.decode(errors="replace").rstrip())
            if not found and (match := re.search(ready, said[-1])):
                found.append(match[1])
                known.set()
        known.set()

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    try:
        known.wait(_PATIENCE)
        assert found, f"{argv[0]} did not get ready: {said}"
        yield process, said, found[0]
    finally:
        _end(process)
        listener.join()
        process.stdin.close()
        process.stderr.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


# -- TLS ------------------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Certificate:
    """Files in PEM: a server's chain and key, and the authority that vouches for it. ``pin`` is ``sha256:`` over its public key (SPKI, DER)."""

    chain: Path
    key: Path
    ca: Path
    pin: str
    fingerprint: str
    """``sha256:`` over the whole certificate (DER)."""


class Authority:
    """A certificate authority of the tests' own, in a folder."""

    def __init__(self, folder: Path) -> None:
        from cryptography.hazmat.primitives.asymmetric import ec

        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("Ropeway's tests")
        self._certificate = _sign(self._name, self._key.public_key(), self._name, self._key, names=())
        self.ca = folder / "ca.pem"
        self.ca.write_bytes(_pem(self._certificate))

    def certificate(self, *names: str, days: int = 30) -> Certificate:
        """Make a certificate for host names and addresses; with negative ``days`` it is no longer valid."""
        import hashlib

        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        key = ec.generate_private_key(ec.SECP256R1())
        made = _sign(_name(names[0]), key.public_key(), self._name, self._key, names=names, days=days)
        stem = self._folder / uuid.uuid4().hex[:8]
        chain, private = stem.with_suffix(".pem"), stem.with_suffix(".key")
        chain.write_bytes(_pem(made))
        private.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        spki = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        whole = made.public_bytes(serialization.Encoding.DER)
        return Certificate(chain, private, self.ca, *(f"sha256:{hashlib.sha256(der).hexdigest()}" for der in (spki, whole)))


def _name(common: str):
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _pem(certificate) -> bytes:
    from cryptography.hazmat.primitives import serialization

    return certificate.public_bytes(serialization.Encoding.PEM)


def _sign(subject, public, issuer, key, *, names: Sequence[str], days: int = 30):
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    now = dt.datetime.now(dt.UTC)
    alternatives = [
        x509.IPAddress(ipaddress.ip_address(name)) if re.fullmatch(r"[\d.]+|.*:.*", name) else x509.DNSName(name) for name in names
    ]
    is_authority = not names
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        encipher_only=False,
        decipher_only=False,
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=60))
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
    )
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    return builder.sign(key, hashes.SHA256())


_NGINX = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr notice;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    client_max_body_size 0;
    server {{
        listen 127.0.0.1:{port} ssl;
        server_name localhost;
        ssl_certificate {certificate.chain};
        ssl_certificate_key {certificate.key};
        location / {{
            proxy_pass http://{behind};
            proxy_http_version 1.1;
            proxy_request_buffering off;
            proxy_buffering off;
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-Proto https;
        }}
    }}
}}
"""


@contextmanager
def tls_front(folder: Path, behind: Running, certificate: Certificate) -> Iterator[Running]:
    """Serve another registry over TLS, at ``https://localhost:port``, by nginx."""
    argv = [program("nginx"), "-p", str(folder), "-e", "stderr", "-c", str(folder / "nginx.conf")]
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        for attempt in range(5):  # nginx wants a port's number, and another process may take the free one first
            port = free_port()
            (folder / "nginx.conf").write_text(_configuration(folder, port, behind, certificate))
            try:
                process, said, _ = stack.enter_context(_started(argv, folder, r"(start worker process) "))
                break
            except AssertionError as error:
                if attempt == 4 or "Address already in use" not in str(error):
                    raise
        yield Running(f"localhost:{port}", process.pid, folder, certificate.ca, behind.login, said)


def _configuration(folder: Path, port: int, behind: Running, certificate: Certificate) -> str:
    user = "user root;" if os.geteuid() == 0 else ""  # nobody, which is what root's nginx works as, may not enter folders of tests
    return user + _NGINX.format(folder=folder, port=port, certificate=certificate, behind=behind.host)


class _Tunnel(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        """Answer CONNECT (RFC 9110, 9.3.6), and pass bytes on in both directions until one side ends."""
        self.server.asked.append(self.rfile.readline().decode().strip())
        while self.rfile.readline().strip():
            pass
        with socket.create_connection(self.server.to) as there:
            self.connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=_pass_on, args=(there, self.connection))
            back.start()
            _pass_on(self.connection, there)
            back.join()


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while data := one.recv(65536):
            other.sendall(data)
    for each in (one, other):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


class _Proxy(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = False


@contextmanager
def proxy(to: str) -> Iterator[tuple[str, list[str]]]:
    """Serve a proxy that leads every name to one address; yield its own address, and the lines that it was asked with."""
    host, _, port = to.replace("localhost", "127.0.0.1").partition(":")
    with _Proxy(("127.0.0.1", 0), _Tunnel) as server:
        server.to, server.asked = (host, int(port)), []
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", server.asked
        finally:
            server.shutdown()
            thread.join()


def free_port() -> int:
    """Return a port that nothing listened on a moment ago."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
