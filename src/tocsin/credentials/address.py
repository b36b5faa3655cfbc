"""Which address a request comes from, when proxies may stand before Tocsin."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Some proxies write the port, too: `192.0.2.1:4711`, `[2001:db8::1]:4711`; and some put quotes around it.
_WITH_PORT = re.compile(r"(?:\[(?P<six>[^\]]+)\]|(?P<four>[0-9.]+))(?::[0-9]{1,5})?", re.ASCII)
_SCOPE = re.compile(r"%.*", re.DOTALL)


def parse_networks(texts: Iterable[str]) -> list[Network]:
    """The networks that `trusted_proxies` names; a single address is a network of one.

    Raises:
        ValueError: a text is neither.
    """
    return [ipaddress.ip_network(text, strict=False) for text in texts]


def client_address(peer: str, forwarded_for: Sequence[str], trusted: Sequence[Network]) -> str:
    """The address of whoever asks, as far as it can be believed.

    It is the peer itself, unless that is a trusted proxy; then the hop before it, as the proxy wrote it at
    the right end of `X-Forwarded-For`; and so on while the hop is a trusted proxy as well. What stands
    further left was written by whoever asks. An entry that is no address ends the walk at the proxy that wrote it.

    Parameters:
        peer: the other end of the connection; empty for a Unix socket, which then is the result.
        forwarded_for: the values of all `X-Forwarded-For` lines, in the order in which they came.
        trusted: the proxies' networks.
    """
    current = _parse(peer)
    if current is None:
        return peer
    hops = ",".join(forwarded_for)
    while hops and _is_in(current, trusted):
        hops, _, last = hops.rpartition(",")
        hop = _parse_hop(last)
        if hop is None:
            break
        current = hop
    return str(current)


def is_trusted(peer: str, trusted: Sequence[Network]) -> bool:
    """Whether the other end of a connection is one of the proxies.

    Parameters:
        peer, trusted: as for `client_address`.
    """
    address = _parse(peer)
    return address is not None and _is_in(address, trusted)


def address_bucket(address: str) -> str:
    """What is counted as one when addresses are limited: an IPv4 address, or the /64 of an IPv6 one.

    One subscriber has a whole /64, 2 to the power of 64 addresses, to send from. What is no address is its
    own bucket.
    """
    parsed = _parse(address)
    if parsed is None:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    return str(ipaddress.ip_network((int(parsed) >> 64 << 64, 64)))


def _parse_hop(text: str) -> _Address | None:
    text = text.strip(" \t")
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
    match = _WITH_PORT.fullmatch(text)
    return _parse((match["six"] or match["four"]) if match else text)


def _parse(text: str) -> _Address | None:
    try:
        address = ipaddress.ip_address(_SCOPE.sub("", text) if ":" in text else text)
    except ValueError:
        return None
    # A socket that serves both families shows IPv4 peers as ::ffff:192.0.2.1.
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped if mapped is not None else address


def _is_in(address: _Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)
