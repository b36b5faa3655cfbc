"""Keys of external issuers, from a real server on loopback: fetched on a schedule, never for a token."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from credentials import forge
from credentials.issuers import NOW, claims
from harness.patience import PATIENCE
from tocsin.config import Issuer
from tocsin.credentials import jwks
from tocsin.credentials.jwks import IssuerKeys
from tocsin.credentials.jwt import TokenIssuer, Verifier
from tocsin.errors import StartError, Unauthenticated

KEY = rsa.generate_private_key(65537, 2048)
NEXT = rsa.generate_private_key(65537, 2048)
NAME = "https://id.example"


class KeyServer:
    """Answers every GET with what the test says, and remembers the paths."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.body: bytes = b""
        self.status = 200
        self.headers: dict[str, str] = {}
        self.before: Callable[[], None] = lambda: None
        self.asked: list[str] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked.append(self.path)
                server.before()
                self.send_response(server.status)
                for name, value in server.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(server.body)

            def log_message(self, *_: Any) -> None: ...

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: Any) -> None: ...

        self._server = Quiet(("127.0.0.1", 0), Handler)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def publish(self, *keys: dict[str, Any]) -> None:
        self.body = json.dumps({"keys": keys}).encode()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[KeyServer]:
    server = KeyServer()
    server.publish(forge.jwk(KEY, kid="k1"))
    yield server
    server.close()


def issuer(url: str = "", **more: Any) -> Issuer:
    settings = {"issuer": NAME, "audience": "tocsin-api", "algorithm": "RS256", "jwks_url": url, **more}
    return Issuer(**settings)


def at(server: KeyServer, **more: Any) -> Issuer:
    return issuer(f"http://127.0.0.1:{server.port}/jwks", **more)


def fetched(keys: IssuerKeys) -> IssuerKeys:
    asyncio.run(keys.fetch())
    return keys


def test_a_fetched_key_verifies_and_no_token_causes_a_fetch(server: KeyServer) -> None:
    keys = fetched(IssuerKeys([at(server)]))
    verifier = Verifier(TokenIssuer(b"x" * 32), [at(server)], keys)
    sound = forge.token({"alg": "RS256", "kid": "k1"}, claims(), forge.rs256(KEY))
    assert verifier.verify(sound, NOW).subject == "ada"
    for number in range(50):
        header = {"alg": "RS256", "kid": f"k{number + 2}"}
        with pytest.raises(Unauthenticated):
            verifier.verify(forge.token(header, claims(), forge.rs256(NEXT)), NOW)
    assert server.asked == ["/jwks"]


def test_keys_are_exchanged_on_schedule(server: KeyServer) -> None:
    async def watch() -> None:
        keys = IssuerKeys([at(server)], every=0.02)
        running = asyncio.create_task(keys.run())
        await until(lambda: keys.current(NAME).find("k1") is not None)
        server.publish(forge.jwk(NEXT, kid="k2"))
        await until(lambda: keys.current(NAME).find("k2") is not None)
        assert keys.current(NAME).find("k1") is None
        running.cancel()

    asyncio.run(watch())


def test_an_issuer_that_was_away_at_the_start_is_asked_again_soon(server: KeyServer) -> None:
    async def watch() -> None:
        server.status = 503
        keys = IssuerKeys([at(server)], every=1000, retry=0.02)
        running = asyncio.create_task(keys.run())
        await until(lambda: len(server.asked) >= 3)
        server.status = 200
        await until(lambda: len(keys.current(NAME)) == 1)
        await asyncio.sleep(0.1)
        asked = len(server.asked)
        await asyncio.sleep(0.2)
        assert len(server.asked) == asked
        running.cancel()

    asyncio.run(watch())


def test_keys_that_did_not_change_stay_the_same_object(server: KeyServer) -> None:
    keys = fetched(IssuerKeys([at(server)]))
    held = keys.current(NAME)
    assert fetched(keys).current(NAME) is held
    server.publish(forge.jwk(KEY, kid="k1"), forge.jwk(NEXT, kid="k2"))
    assert fetched(keys).current(NAME) is not held


def test_one_issuer_that_fails_does_not_hold_up_another(server: KeyServer) -> None:
    away = issuer(f"http://127.0.0.1:{closed_port()}/", issuer="https://away.example")
    keys = fetched(IssuerKeys([away, at(server)]))
    assert len(keys.current("https://away.example")) == 0
    assert len(keys.current(NAME)) == 1


BAD: dict[str, dict[str, Any]] = {
    "status 500": {"status": 500},
    "status 404": {"status": 404},
    "no content": {"status": 204, "body": b""},
    "no JSON": {"body": b"<html>"},
    "empty": {"body": b""},
    "a list": {"body": b"[]"},
    "no keys": {"body": b"{}"},
    "keys an object": {"body": b'{"keys": {}}'},
    "keys empty": {"body": b'{"keys": []}'},
    "keys of nothing": {"body": b'{"keys": [null, 1, "x", [], {}]}'},
    "deep": {"body": b'{"keys": ' + b"[" * 100_000},
    "not UTF-8": {"body": b'{"keys": ["\xff"]}'},
    # Both would be taken but for their size and form.
    "over the limit": {"body": json.dumps({"keys": [forge.jwk(NEXT, kid="k2")]}).encode() + b" " * 262_144},
    "compressed all the same": {
        "body": gzip.compress(json.dumps({"keys": [forge.jwk(NEXT, kid="k2")]}).encode() + b" " * 50_000),
        "headers": {"Content-Encoding": "gzip"},
    },
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_answer_leaves_the_last_good_keys_and_logs_one_line(
    server: KeyServer, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    keys = fetched(IssuerKeys([at(server)]))
    held = keys.current(NAME)
    for attribute, value in BAD[name].items():
        setattr(server, attribute, value)
    caplog.clear()
    with caplog.at_level(logging.INFO, "tocsin.credentials"):
        fetched(keys)
    assert keys.current(NAME) is held
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert NAME in caplog.text
    assert len(caplog.records[0].getMessage()) < 500


def test_a_redirect_is_not_followed(server: KeyServer) -> None:
    other = KeyServer()
    other.publish(forge.jwk(KEY, kid="k1"))
    server.status, server.headers = 302, {"Location": f"http://127.0.0.1:{other.port}/"}
    keys = fetched(IssuerKeys([at(server)]))
    other.close()
    assert len(keys.current(NAME)) == 0
    assert other.asked == []


def test_a_server_that_dribbles_is_left(server: KeyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is on the whole fetch: each byte comes well within it."""
    monkeypatch.setattr(jwks, "TIMEOUT_SECONDS", 0.3)
    published = json.dumps({"keys": [forge.jwk(KEY, kid="k1")]}).encode()
    listener = socket.create_server(("127.0.0.1", 0))

    def dribble() -> None:
        peer, _ = listener.accept()
        with peer, contextlib.suppress(OSError):
            peer.recv(65_536)
            peer.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            for _ in range(40):
                time.sleep(0.05)
                peer.sendall(b" ")
            peer.sendall(published)

    thread = threading.Thread(target=dribble)
    thread.start()
    try:
        keys = fetched(IssuerKeys([issuer(f"http://127.0.0.1:{listener.getsockname()[1]}/")]))
    finally:
        thread.join()
        listener.close()
    assert len(keys.current(NAME)) == 0


def test_https_is_taken_from_certificates_that_are_trusted_only(tmp_path: Path) -> None:
    certificate = certify(tmp_path, "127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = KeyServer(context)
    server.publish(forge.jwk(KEY, kid="k1"))
    settings = issuer(f"https://127.0.0.1:{server.port}/")
    trusting = ssl.create_default_context(cafile=str(certificate))
    try:
        assert len(fetched(IssuerKeys([settings], tls=trusting)).current(NAME)) == 1
        assert len(fetched(IssuerKeys([settings])).current(NAME)) == 0
    finally:
        server.close()


@pytest.mark.parametrize(
    "url",
    [
        "http://id.example/jwks",
        "http://192.0.2.1/jwks",
        "http://127.0.0.1.id.example/jwks",
        "http://localhost.id.example/jwks",
        "http://0.0.0.0/jwks",
        "ftp://127.0.0.1/jwks",
        "file:///etc/passwd",
        "https://",
        "/jwks",
        "id.example",
        "https://user:password@id.example/",
        "http://127.0.0.1@id.example/",
        "https://id.example:port/",
    ],
)
def test_other_urls_do_not_start(url: str) -> None:
    with pytest.raises(StartError) as refusal:
        IssuerKeys([issuer(url)])
    assert NAME in str(refusal.value)


@pytest.mark.parametrize(
    "url", ["https://id.example/", "http://127.0.0.1:1/", "http://[::1]:1/", "http://localhost:1/"]
)
def test_https_and_loopback_start(url: str) -> None:
    IssuerKeys([issuer(url)])


def test_of_a_published_set_only_what_fits_is_taken(server: KeyServer) -> None:
    curve = ec.generate_private_key(ec.SECP256R1())
    private = KEY.private_numbers().d
    server.publish(
        {"kty": "oct", "k": "c2VjcmV0", "kid": "shared"},
        {"kty": "AKP", "kid": "of the future"},
        {"kty": ["RSA"], "kid": "odd"},
        {"kty": "RSA", "n": "AQAB", "kid": "half"},
        forge.jwk(KEY, kid="private", d=forge.b64(private.to_bytes(256, "big")).decode()),
        forge.jwk(curve, kid="curve"),
        forge.jwk(KEY, kid="for encryption", use="enc"),
        forge.jwk(KEY, kid="other algorithm", alg="RS512"),
        forge.jwk(KEY, kid="to sign", key_ops=["sign"]),
        forge.jwk(rsa.generate_private_key(65537, 1024), kid="weak"),
        forge.jwk(KEY, kid=7),
        forge.jwk(KEY, kid="k1", use="sig", alg="RS256", key_ops=["verify"], x5t="x"),
        forge.jwk(NEXT, kid="k2"),
        forge.jwk(NEXT, kid="k1"),
    )
    held = fetched(IssuerKeys([at(server)])).current(NAME)
    assert len(held) == 2
    first = held.find("k1")
    assert first is not None
    assert first["n"] == forge.jwk(KEY)["n"]
    assert held.find("k2") is not None
    for kid in ("shared", "private", "curve", "for encryption", "other algorithm", "to sign", "weak", "7", None):
        assert held.find(kid) is None


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA"])
def test_a_single_key_needs_no_kid(server: KeyServer, algorithm: str) -> None:
    key = {"ES256": lambda: ec.generate_private_key(ec.SECP256R1()), "EdDSA": ed25519.Ed25519PrivateKey.generate}
    server.publish(forge.jwk(key[algorithm]()))
    held = fetched(IssuerKeys([at(server, algorithm=algorithm)])).current(NAME)
    assert held.find(None) is not None


def test_a_key_in_the_settings_is_read_from_text_or_file(tmp_path: Path) -> None:
    file = tmp_path / "id.pem"
    file.write_text(forge.pem(KEY))
    for given in (forge.pem(KEY), str(file)):
        keys = IssuerKeys([issuer(public_key=given)])
        assert keys.current(NAME).find(None) is not None
        asyncio.run(asyncio.wait_for(keys.run(), PATIENCE))  # nothing to fetch: comes back at once


def test_a_key_in_the_settings_that_is_none_does_not_start(tmp_path: Path) -> None:
    private = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    weak = forge.pem(rsa.generate_private_key(65537, 1024))
    wrong = [
        (str(tmp_path / "missing.pem"), "RS256"),
        (str(tmp_path), "RS256"),
        ("-----BEGIN PUBLIC KEY-----\nrubbish\n-----END PUBLIC KEY-----", "RS256"),
        (private, "RS256"),
        (weak, "RS256"),
        (forge.pem(KEY), "ES256"),
        (forge.pem(KEY), "EdDSA"),
        (forge.pem(ec.generate_private_key(ec.SECP256R1())), "RS256"),
        (forge.pem(ec.generate_private_key(ec.SECP256R1())), "ES384"),
        (forge.pem(ec.generate_private_key(ec.SECP384R1())), "ES256"),
        (forge.pem(ed25519.Ed25519PrivateKey.generate()), "PS256"),
    ]
    for given, algorithm in wrong:
        with pytest.raises(StartError) as refusal:
            IssuerKeys([issuer(public_key=given, algorithm=algorithm)])
        assert "public_key" in str(refusal.value)
        assert "PRIVATE" not in str(refusal.value)


async def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, "did not come about"
        await asyncio.sleep(0.005)


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def certify(folder: Path, address: str) -> Path:
    """A certificate that signs itself, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tocsin test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "server.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(certificate.public_bytes(Encoding.PEM) + private)
    return file
