"""The client and the command over HTTPS, to a server with a certificate that only a file vouches for."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest

from cli.command import tocsin
from client.certificate import make_certificate
from harness.http import DEV_KEY
from harness.server import Server
from tocsin.client import Client, Unreachable


class SlowWriter(ssl.SSLSocket):
    """Writes late enough that what a server says behind the handshake (its session tickets) is there before it does."""

    done: ClassVar[list[str]] = []

    def sendall(self, data: Any, flags: int = 0) -> None:
        time.sleep(0.3)
        self.done.append("written")
        super().sendall(data, flags)

    def recv(self, length: int = 1024, flags: int = 0) -> bytes:
        self.done.append("read")
        return super().recv(length, flags)


def serve(start_server: Callable[..., Server], certificate: Path, key: Path) -> Server:
    return start_server(args=["--tls-cert", str(certificate), "--tls-key", str(key)])


def test_a_certificate_is_trusted_when_ssl_cert_file_names_it(
    start_server: Callable[..., Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = make_certificate(tmp_path)
    other, _ = make_certificate(tmp_path, name="other.example")
    server = serve(start_server, certificate, key)
    url = f"https://localhost:{server.port}"

    trusting = tocsin("send", "one", "m", "--url", url, token=DEV_KEY, env={"SSL_CERT_FILE": str(certificate)})
    assert trusting.status == 0, trusting.err
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with Client(url, DEV_KEY) as client:
        position = client.list(limit=1).items[0].position
        client.send("two", "m")
        stream = client.stream(position)
        monkeypatch.setattr(ssl.SSLContext, "sslsocket_class", SlowWriter)
        assert next(stream).title == "two"
        monkeypatch.undo()
        assert SlowWriter.done[:2] == ["written", "read"]
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with Client(f"https://127.0.0.1:{server.port}", DEV_KEY) as client:
        assert len(list(client.notifications())) == 2

    # Not trusted: said at once, and not tried again for as long as it could be.
    for env in ({}, {"SSL_CERT_FILE": str(other)}):
        monkeypatch.delenv("SSL_CERT_FILE", raising=False)
        ran = tocsin("send", "t", "m", "--retry-for", "3600", "--url", url, token=DEV_KEY, env=env)
        assert ran.status == 3
        assert "is not trusted" in ran.err
        assert "SSL_CERT_FILE" in ran.err
        assert ran.err.count("\n") == 1
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with Client(url, DEV_KEY) as client:
        assert len(list(client.notifications())) == 2


def test_another_name_than_the_certificates_is_not_trusted(
    start_server: Callable[..., Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = make_certificate(tmp_path, name="tocsin.example")
    server = serve(start_server, certificate, key)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with Client(f"https://127.0.0.1:{server.port}", DEV_KEY) as client:
        client.send("t", "m")
    for command in ("send --retry-for 0 t m", "listen"):
        ran = tocsin(*command.split(), "--url", f"http://127.0.0.1:{server.port}", token=DEV_KEY)
        assert ran.status == 3
        assert " It hung up: does it speak https?\n" in ran.err
    with Client(f"https://localhost:{server.port}", DEV_KEY) as client, pytest.raises(Unreachable, match="not trusted"):
        client.send("t", "m")


@pytest.mark.parametrize("text", [None, "nonsense"])
def test_a_file_of_no_certificates_is_a_mistake_of_usage(text: str | None, tmp_path: Path) -> None:
    file = tmp_path / "none.pem"
    if text is not None:
        file.write_text(text)
    ran = tocsin("send", "t", "m", "--url", "https://localhost:1", token=DEV_KEY, env={"SSL_CERT_FILE": str(file)})

    assert ran.status == 2
    assert f"SSL_CERT_FILE: {file}" in ran.err
