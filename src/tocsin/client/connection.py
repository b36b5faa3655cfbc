"""Opening connections to one server: its address, whom to trust, and what a failure of the network means."""

from __future__ import annotations

import ipaddress
import os
import ssl

import httpx2

from tocsin.client.errors import Unreachable

CONNECT_SECONDS = 10.0


def connect(url: str, token: str | None) -> httpx2.Client:
    """Connections to a server, made as they are needed.

    Parameters:
        url: `http://…` or `https://…`.
        token: sent with each request as its bearer; None for none.

    Raises:
        ValueError: `url` is no address of a server, the token can be none, or SSL_CERT_FILE cannot be read.
    """
    try:
        base = httpx2.URL(url)
    except httpx2.InvalidURL as error:
        raise ValueError(f"{url!r} is no URL: {error}") from None
    if base.scheme not in ("http", "https") or not base.host:
        raise ValueError(f"{url!r} is no address of a server; expected http://… or https://…")
    if token is not None and not (token.isascii() and token.isprintable() and token == token.strip()):
        raise ValueError("the token has characters that no key and no JWT has")
    return httpx2.Client(
        base_url=base,
        headers={"Authorization": f"Bearer {token}"} if token else {},
        # Nobody reaches their own machine by a proxy, whatever the environment says.
        trust_env=not _is_loopback(base.host),
        verify=_trusted() if base.scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
    )


def _trusted() -> ssl.SSLContext:
    try:
        return httpx2.create_ssl_context()
    except (OSError, ValueError) as error:  # an SSLError is an OSError
        file = os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR")
        raise ValueError(f"SSL_CERT_FILE: {file} has no certificates to trust: {error}") from None


def unreachable(url: str, error: httpx2.HTTPError) -> Unreachable:
    """What a failure of the network means for the request it happened to."""
    refused = _certificate(error)
    if refused is not None:
        sentence = f"the certificate of {url} is not trusted: {refused.verify_message}; see SSL_CERT_FILE"
        return Unreachable(sentence, doubtful=False, temporary=False)
    doubtful = not isinstance(error, (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout))
    reason = str(error) or type(error).__name__
    return Unreachable(f"{url} cannot be reached: {reason}", doubtful=doubtful)


def _certificate(error: BaseException | None) -> ssl.SSLCertVerificationError | None:
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return error


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
