"""The parts of the program that handlers use, put together by the server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager

import msgspec

from tocsin.api.assets import Assets, folder, load
from tocsin.api.batch_room import BatchRoom
from tocsin.api.hashing import Hashing
from tocsin.api.minutes import Minutes
from tocsin.api.recording import Recording
from tocsin.api.turned_away import TurnedAway
from tocsin.config import Config
from tocsin.credentials.attempts import Attempts
from tocsin.credentials.jwt import TokenIssuer
from tocsin.credentials.ticket import Issuing
from tocsin.directory import Directory
from tocsin.live.gate import Gate
from tocsin.nodes import Others
from tocsin.path.acknowledge import Acknowledge
from tocsin.path.authorize import Authorize
from tocsin.ports import Clock, Store
from tocsin.unwritten import Unwritten


class Parts(msgspec.Struct, frozen=True):
    """Everything a handler may reach.

    Attributes:
        unwritten: sessions that the store does not have yet.
        others: the other nodes.
        minutes: what happened lately.
        blindness: why this node does not know the state of the log; empty when it does.
        draining: whether this process is going down.
        troubles: why this process should get no traffic now; empty when it may.
        metrics: the text of `/metrics`.
        assets: the files of the web app.
        hashing: turns at hashing passwords.
        recording: of refusals, for the audit log.
        batch_room: what batches may take together.
        turned_away: sends that were refused lately.
        identity: held by whoever changes users, keys, apps or installs by what it has read of them; of all nodes one
            request at a time has it.
    """

    config: Config
    clock: Clock
    store: Store
    directory: Directory
    unwritten: Unwritten
    authorize: Authorize
    acknowledge: Acknowledge
    gate: Gate
    tokens: TokenIssuer
    tickets: Issuing
    attempts: Attempts
    others: Others
    minutes: Minutes
    blindness: Callable[[], str]
    draining: Callable[[], bool]
    identity: AbstractAsyncContextManager[None]
    troubles: Callable[[], Sequence[str]]
    metrics: Callable[[], bytes]
    assets: Assets = msgspec.field(default_factory=lambda: load(folder()))
    hashing: Hashing = msgspec.field(default_factory=Hashing)
    recording: Recording = msgspec.field(default_factory=Recording)
    batch_room: BatchRoom = msgspec.field(default_factory=BatchRoom)
    turned_away: TurnedAway = msgspec.field(default_factory=TurnedAway)
