"""What `tocsin doctor` says of a broker."""

from __future__ import annotations

from collections.abc import Iterator

from tocsin.cli.finding import Finding
from tocsin.errors import StartError

_ABOUT = "broker"


def broker(url: str) -> Iterator[Finding]:
    """Look at the Redis or Valkey that the settings name."""
    try:
        from tocsin.broker.redis_examination import look
    except ImportError:
        yield Finding("problem", _ABOUT, "its driver is not here: pip install 'PATH-OF-THE-CHECKOUT[redis]'")
        return
    try:
        seen = look(url)
    except StartError as error:
        # Nodes go on without it, by reading the log once a second.
        yield Finding("problem", _ABOUT, f"{error.sentence}; notifications to other nodes are late until it is")
        return
    if seen.is_old:
        yield Finding("problem", _ABOUT, f"Redis {seen.version} is too old: 6 or newer is needed")
    elif not seen.may:
        yield Finding("problem", _ABOUT, "its user may not publish and subscribe to tocsin:*")
    else:
        yield Finding("good", _ABOUT, f"Redis {seen.version}{', a cluster' if seen.cluster else ''}")
