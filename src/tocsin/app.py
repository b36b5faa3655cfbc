"""App: a registered integration, its secrets, and who installed it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NewType

import msgspec

AppId = NewType("AppId", str)

QUOTA_PER_HOUR = 10
"""Notifications an app may send to one user in one UTC clock hour, unless the app says otherwise."""

HOUR_MS = 3_600_000


class App(msgspec.Struct, frozen=True, kw_only=True):
    """A registered integration.

    Attributes:
        name: shown as the title of what it sends.
        quota_per_hour: notifications to one user per UTC clock hour.
        install_for_all: installed for every user who has not uninstalled it.
        joined: the log's head when the app came to be; what was sent under its id up to it is not its own.
    """

    id: AppId
    name: str
    quota_per_hour: int = QUOTA_PER_HOUR
    install_for_all: bool = False
    joined: int = 0


class Secret(msgspec.Struct, frozen=True, kw_only=True):
    """One of an app's credentials; several may hold at a time, so that one can be replaced in peace.

    Attributes:
        hash: SHA-256 of the secret half.
        created_at: milliseconds UTC.
    """

    id: str
    app_id: AppId
    hash: bytes
    created_at: int


class Quota(msgspec.Struct, frozen=True, kw_only=True):
    """What an app has left to send to one user in this UTC clock hour.

    Attributes:
        limit: grants in the hour.
        remaining: grants left after this one.
        reset: seconds until the hour ends, at least 1.
    """

    limit: int
    remaining: int
    reset: int

    @classmethod
    def after(cls, used: int, limit: int, now_ms: int) -> Quota:
        """What is left once `used` grants of this hour are spent.

        Parameters:
            now_ms: milliseconds UTC, within the hour.
        """
        return cls(
            limit=limit,
            remaining=max(0, limit - used),
            reset=max(1, -(-(HOUR_MS - now_ms % HOUR_MS) // 1000)),
        )

    @classmethod
    def found(cls, kept: Sequence[tuple[int, int]], limit: int, now_ms: int) -> Quota:
        """What is left, by what is kept of an app and a user.

        Parameters:
            kept: no row, or one: which hour of the clock, and how many grants were used in it.
            now_ms: milliseconds UTC.
        """
        # The newer of two hours is charged at their turn.
        hour = now_ms // HOUR_MS
        return cls.after(sum(used for of, used in kept if of in (hour, hour + 1)), limit, now_ms)
