"""Commands that a peer gives on its stream: done one after the other, and refusals told."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress

from tocsin import wire
from tocsin.errors import Invalid, Malformed, Refusal
from tocsin.live.stream import Command, Stream
from tocsin.path.acknowledge import Acknowledge
from tocsin.position import Epoch, Position
from tocsin.principal import UserId
from tocsin.receipt import Act

CONFIRM_SECONDS = 5.0
"""Between two watermarks of one stream; what comes sooner waits for its turn."""

_ACTS: dict[str, Act] = {"read": "read", "dismiss": "dismiss", "acknowledge": "acknowledge"}


class Obeying:
    """What one stream was told to do and has not done yet.

    Parameters:
        stream: of a user.
        acknowledge: does it.
        epoch: of the log.
    """

    __slots__ = (
        "_acknowledge",
        "_confirmed",
        "_confirming",
        "_epoch",
        "_queue",
        "_received",
        "_stream",
        "_task",
        "_timer",
    )

    def __init__(self, stream: Stream, acknowledge: Acknowledge, epoch: Epoch) -> None:
        self._stream = stream
        self._acknowledge = acknowledge
        self._epoch = epoch
        self._confirming: asyncio.Task[None] | None = None
        self._queue: deque[Command] | None = None
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._received = 0
        self._confirmed = 0.0

    def obey(self, command: Command) -> None:
        """Do it when its turn comes; how many a minute is limited at the stream."""
        if command.verb == "received":
            try:
                self._note(command.value)
            except Refusal as refusal:
                self._refuse(command, refusal)
            return
        if self._queue is None:
            self._queue = deque()
        self._queue.append(command)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._work(self._queue))

    def stop(self) -> None:
        """The connection is gone: what it was told before that is done, and nobody is told."""
        if self._timer is not None:
            self._timer.cancel()
            self._confirm()

    async def _work(self, queue: deque[Command]) -> None:
        while queue:
            command = queue.popleft()
            user = self._stream.user_id
            if user is None:
                return
            try:
                await self._acknowledge.act(user, command.value, _ACTS[command.verb])
            except Refusal as refusal:
                self._refuse(command, refusal)

    def _note(self, text: str) -> None:
        position = Position.parse(text)
        if self._stream.devices is not None:
            raise Invalid("received", "a stream of some devices cannot say that everything was received")
        if position.epoch != self._epoch or position.seq > self._stream.upto:
            raise Malformed("not a position that this stream has given")
        self._received = max(self._received, position.seq)
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(self._confirmed + CONFIRM_SECONDS, self._confirm)

    def _confirm(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer, self._confirmed = None, loop.time()
        user = self._stream.user_id
        if user is not None:
            self._confirming = loop.create_task(self._say(user))

    async def _say(self, user: UserId) -> None:
        # Nobody waits for it: what is not noted now is with the next position.
        with suppress(Refusal):
            await self._acknowledge.received(user, self._stream.began, self._received)

    def _refuse(self, command: Command, refusal: Refusal) -> None:
        data = {"command": command.verb, "id": command.value, "code": refusal.code, "error": refusal.sentence}
        self._stream.answer(self._stream.form.event("refused", None, wire.encode(data)))
