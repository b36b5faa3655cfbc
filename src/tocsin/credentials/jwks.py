"""Keeps the keys of external issuers at hand: read from the settings, or fetched on a schedule.

A token never causes a fetch, however many unknown keys it names: whoever can make a server fetch can make
it fetch a lot. A new key of an issuer is therefore known after five minutes at most; issuers publish a key
well before they sign with it.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import secrets
import ssl
from collections.abc import Iterable
from pathlib import Path

import msgspec

from tocsin.config import Issuer
from tocsin.credentials.key_set import KeySet, key_set_from_jwks, key_set_from_pem
from tocsin.errors import StartError

EVERY_SECONDS = 300.0
RETRY_SECONDS = 15.0
"""How soon to ask again while an issuer has given no keys at all."""

TIMEOUT_SECONDS = 10.0
"""For one whole fetch: a server that sends a byte now and then does not prolong it."""

LARGEST = 256 * 1024
"""Most bytes of a fetched key set."""

_NONE = KeySet()

log = logging.getLogger("tocsin.credentials")


class IssuerKeys:
    """The keys of all external issuers.

    Parameters:
        issuers: as configured.
        every: seconds between fetches, give or take a tenth.
        retry: seconds until the next try while an issuer has given no keys.
        tls: what certificates to trust; the system's own when None.

    Raises:
        StartError: a `public_key` that cannot be read or does not fit, or a `jwks_url` that is neither https
            nor http on loopback.
    """

    def __init__(
        self,
        issuers: Iterable[Issuer],
        *,
        every: float = EVERY_SECONDS,
        retry: float = RETRY_SECONDS,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._every = every
        self._retry = retry
        self._tls = tls
        self._sets: dict[str, KeySet] = {}
        self._fetched: dict[str, Issuer] = {}
        self._members: dict[str, list[object]] = {}
        for issuer in issuers:
            if issuer.public_key:
                self._sets[issuer.issuer] = _configured(issuer)
            else:
                _check_url(issuer)
                self._fetched[issuer.issuer] = issuer

    def current(self, issuer: str) -> KeySet:
        """The keys of that issuer as last seen: the same object until they change; empty when none were."""
        return self._sets.get(issuer, _NONE)

    async def run(self) -> None:
        """Fetch now and then every five minutes, until cancelled. Returns when nothing is to be fetched."""
        while self._fetched:
            await self.fetch()
            complete = all(name in self._sets for name in self._fetched)
            pause = self._every if complete else min(self._retry, self._every)
            # Nodes that were started together do not ask together for ever.
            await asyncio.sleep(pause * secrets.SystemRandom().uniform(0.9, 1.1))

    async def fetch(self) -> None:
        """Ask every issuer once; where that gives no usable set, the one held stays. A failure is logged."""
        await asyncio.gather(*(self._refresh(issuer) for issuer in self._fetched.values()))

    async def _refresh(self, issuer: Issuer) -> None:
        import httpx2

        name = issuer.issuer
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                members = msgspec.json.decode(await self._read(issuer.jwks_url), type=_Jwks).keys
            if members != self._members.get(name):
                self._sets[name] = key_set_from_jwks(members, issuer.algorithm)
                self._members[name] = members
                log.info("issuer %s: %d keys", name, len(self._sets[name]))
        # RuntimeError: a stream that ended early, or JSON nested too deep.
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError, RuntimeError) as error:
            held = "those held are used on" if name in self._sets else "its tokens are answered 503 until then"
            log.warning("issuer %s: keys could not be fetched, %s: %s %s", name, held, type(error).__name__, error)

    async def _read(self, url: str) -> bytes:
        import httpx2

        # A proxy from the environment is for the world outside, not for this machine.
        outside = not _is_loopback(httpx2.URL(url).host)
        async with (
            httpx2.AsyncClient(
                follow_redirects=False,
                timeout=TIMEOUT_SECONDS,
                trust_env=outside,
                verify=self._tls if self._tls is not None else True,
            ) as client,
            client.stream("GET", url, headers={"Accept": "application/json", "Accept-Encoding": "identity"}) as answer,
        ):
            if answer.status_code != 200:
                raise ValueError(f"status {answer.status_code}")
            # Asked for plain, and read as it came: what would have to be inflated is no JSON.
            content = bytearray()
            async for part in answer.aiter_raw():
                content += part
                if len(content) > LARGEST:
                    raise ValueError(f"more than {LARGEST} bytes")
            return bytes(content)


class _Jwks(msgspec.Struct):
    keys: list[object]


def _configured(issuer: Issuer) -> KeySet:
    where = f"configuration: issuers: {issuer.issuer}: public_key"
    text = issuer.public_key
    if "-----BEGIN" not in text:
        try:
            text = Path(text).read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise StartError(f"{where}: cannot be read: {error}") from None
    try:
        return key_set_from_pem(text, issuer.algorithm)
    except ValueError as error:
        raise StartError(f"{where}: {error}") from None


def _check_url(issuer: Issuer) -> None:
    # Here and not above: a seventh of what a start imports, and few servers fetch keys.
    import httpx2

    where = f"configuration: issuers: {issuer.issuer}: jwks_url"
    try:
        url = httpx2.URL(issuer.jwks_url)
    except httpx2.InvalidURL as error:
        raise StartError(f"{where}: {error}") from None
    if url.userinfo:
        raise StartError(f"{where}: must not hold a user name or password")
    if not url.host or not (url.scheme == "https" or (url.scheme == "http" and _is_loopback(url.host))):
        raise StartError(f"{where}: must be https, or http on loopback")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
