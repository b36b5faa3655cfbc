"""What the audit log is told of refusals: strangers cause them, so how much they may write is bounded."""

from __future__ import annotations

import logging
import math
from collections import OrderedDict

import msgspec

from tocsin.credentials.address import address_bucket
from tocsin.errors import Unavailable
from tocsin.ports import AuditEntry, Store

log = logging.getLogger("tocsin.audit")

BURST = 100
SECONDS_PER_ENTRY = 10.0
"""In all: a hundred at once, then one in ten seconds, which is some megabytes in a year of attack."""

BURST_OF_ONE_ADDRESS = 20
SECONDS_PER_ENTRY_OF_ONE_ADDRESS = 60.0

REMEMBERED = 10_000
"""Most addresses held; the one that wrote longest ago goes first."""


class Recording:
    """Adds entries that nobody had to be trusted for.

    Those over the rate are counted, and the next entry says how many there were.
    """

    def __init__(self) -> None:
        self._all = _Bucket(BURST, SECONDS_PER_ENTRY)
        self._by_address: OrderedDict[str, _Bucket] = OrderedDict()
        self._left_out = 0

    async def add(self, store: Store, entry: AuditEntry, now: float) -> None:
        """Record an entry if the rate allows it. A store that cannot take it keeps no refusal from being told.

        Parameters:
            now: seconds, monotonic.
        """
        if not self._admits(address_bucket(entry.origin), now):
            self._left_out += 1
            return
        if self._left_out:
            entry = msgspec.structs.replace(entry, result=f"{entry.result} (and {self._left_out} left out)")
            self._left_out = 0
        await record_if_possible(store, entry)

    def _admits(self, address: str, now: float) -> bool:
        own = self._by_address.pop(address, None) or _Bucket(BURST_OF_ONE_ADDRESS, SECONDS_PER_ENTRY_OF_ONE_ADDRESS)
        self._by_address[address] = own
        if len(self._by_address) > REMEMBERED:
            self._by_address.popitem(last=False)
        return own.take(now) and self._all.take(now)


async def record_if_possible(store: Store, entry: AuditEntry) -> None:
    """Record what has happened anyway; where the store cannot take it, the log has it."""
    try:
        await store.record(entry)
    except Unavailable:
        extra = {"who": entry.who, "action": entry.action, "what": entry.what, "result": entry.result}
        log.warning("the audit log could not be written", extra=extra)


class _Bucket:
    """So many at once, and another after so many seconds each."""

    def __init__(self, burst: int, seconds_each: float) -> None:
        self._burst = float(burst)
        self._seconds_each = seconds_each
        self._left = self._burst
        self._at = -math.inf

    def take(self, now: float) -> bool:
        self._left = min(self._burst, self._left + (now - self._at) / self._seconds_each)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
