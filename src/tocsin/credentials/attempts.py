"""Attempts: how often signing in may fail, per account and per address."""

from __future__ import annotations

import hashlib
import math
import unicodedata
from collections import OrderedDict, deque
from collections.abc import Callable

from tocsin.credentials.address import address_bucket
from tocsin.errors import TooMany
from tocsin.ports import Clock

WINDOW_SECONDS = 300
REMEMBERED = 100_000
"""Most accounts, most addresses and most familiar pairs held; the one used longest ago goes first."""

FAMILIAR_SECONDS = 30 * 24 * 3600

_DIGEST = 16


class Attempts:
    """Counts failed sign-ins of the last five minutes and refuses over the limit.

    Ask `check` before the password is verified, which costs, and call `failed` or `succeeded` with the
    outcome. All three raise: of a hundred guesses sent at once, each passes `check`, but only as many as the
    limit learn their outcome, for a right password is refused, too, once others have reached the limit.

    An address is charged once for each account that fails from it, however often: somebody who mistypes a
    password ten times keeps nobody else behind the same address from signing in, while guesses at one
    account after the other end at the limit.

    An account that is being attacked is refused from everywhere, except from addresses that have signed in
    to it within 30 days: these answer only for their own failures, so that an attacker cannot keep its owner
    out. (Known to this process only.) A sign-in that succeeds is not counted, and takes back no failure: an
    attacker with an account of their own could otherwise start anew whenever they like.

    Where several nodes share the limits, each tells the others of its failures (`tell`) and hears of theirs
    (`heard`): while they cannot reach one another, each counts for itself.

    Parameters:
        limit: failures that are told as such in five minutes, at least 1; the next is refused.
        clock: its monotonic side is used.

    Attributes:
        failures: sign-ins that failed at this process, or were refused.
    """

    def __init__(self, limit: int, clock: Clock) -> None:
        self.failures = 0
        self._clock = clock
        self._accounts = _Failures(max(1, limit))
        self._addresses = _Failures(max(1, limit))
        self._pairs = _Failures(max(1, limit))
        self._familiar: OrderedDict[bytes, float] = OrderedDict()
        self.tell: Callable[[bytes], None] = lambda _failure: None

    def check(self, account: str, address: str) -> None:
        """Refuse when the account or the address is over the limit.

        Parameters:
            account: the name somebody wants to sign in with, whether it exists or not.
            address: the client's, as `client_address` gives it.

        Raises:
            TooMany: `retry_after` says when one more will be heard, 300 s at most.
        """
        now = self._clock.monotonic()
        by_account, by_address = _key(account), _key(address_bucket(address))
        wait = max(self._addresses.wait(by_address, now), self._pairs.wait(by_account + by_address, now))
        if not self._is_familiar(by_account + by_address, now):
            wait = max(wait, self._accounts.wait(by_account, now))
        if wait > 0:
            self.failures += 1
            raise TooMany("Too many failed sign-ins", retry_after=math.ceil(wait))

    def failed(self, account: str, address: str) -> None:
        """Count a failure, of an unknown account like of a known one.

        Raises:
            TooMany: others reached the limit meanwhile; this one must not be told whether it was right.
        """
        self.check(account, address)
        self.failures += 1
        by_account, by_address = _key(account), _key(address_bucket(address))
        self._count(by_account, by_address)
        self.tell((by_account + by_address).hex().encode())

    def heard(self, failure: bytes) -> None:
        """Count a failure that another node has told of.

        Raises:
            ValueError: it is none.
        """
        digests = bytes.fromhex(failure.decode())
        if len(digests) != 2 * _DIGEST:
            raise ValueError("not a failure")
        self._count(digests[:_DIGEST], digests[_DIGEST:])

    def _count(self, by_account: bytes, by_address: bytes) -> None:
        now = self._clock.monotonic()
        self._accounts.add(by_account, now)
        if not self._pairs.has(by_account + by_address, now):
            self._addresses.add(by_address, now)
        self._pairs.add(by_account + by_address, now)

    def succeeded(self, account: str, address: str) -> None:
        """Remember that the account is at home at this address. Nothing is counted.

        Raises:
            TooMany: as `failed`.
        """
        self.check(account, address)
        pair = _key(account) + _key(address_bucket(address))
        self._familiar[pair] = self._clock.monotonic()
        self._familiar.move_to_end(pair)
        if len(self._familiar) > REMEMBERED:
            self._familiar.popitem(last=False)

    def _is_familiar(self, pair: bytes, now: float) -> bool:
        since = self._familiar.get(pair)
        return since is not None and now - since < FAMILIAR_SECONDS


class _Failures:
    """When something failed lately, for each of many things."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._times: OrderedDict[bytes, deque[float]] = OrderedDict()

    def wait(self, key: bytes, now: float) -> float:
        """Seconds until another may fail; 0 for now."""
        times = self._times.get(key)
        if times is None:
            return 0.0
        while times and times[0] <= now - WINDOW_SECONDS:
            times.popleft()
        if not times:
            del self._times[key]
            return 0.0
        return times[-self._limit] + WINDOW_SECONDS - now if len(times) >= self._limit else 0.0

    def has(self, key: bytes, now: float) -> bool:
        """Whether it failed within the window."""
        times = self._times.get(key)
        return times is not None and times[-1] > now - WINDOW_SECONDS

    def add(self, key: bytes, now: float) -> None:
        # A deque of that length: a familiar address goes on adding to an account that is over the limit.
        self._times.setdefault(key, deque(maxlen=self._limit)).append(now)
        self._times.move_to_end(key)
        # To push one account out takes 100,000 failures on others within its five minutes: more Argon2id
        # than a machine can compute in that time.
        if len(self._times) > REMEMBERED:
            self._times.popitem(last=False)


def _key(text: str) -> bytes:
    # A digest: a hundred thousand names of 60 KB each must not be what is remembered.
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:_DIGEST]
