"""What happens to a stream's connection, told to the hub."""

from __future__ import annotations

import asyncio
import logging

from tocsin.errors import Damaged, Refusal, Unavailable
from tocsin.live.closing import Close, close_code
from tocsin.live.gate import Asked, Gate
from tocsin.live.obeying import Obeying
from tocsin.live.stream import State, Stream
from tocsin.principal import Principal

log = logging.getLogger("tocsin.live")


class StreamConnection:
    """One open connection: the door's events on one side, gate and hub on the other.

    Parameters:
        gate: checks first frames.
        stream: written to by the hub.
        address: as limits count it; counted off when the connection is gone.
    """

    __slots__ = ("_gate", "_obeying", "_task", "stream")

    def __init__(self, gate: Gate, stream: Stream, address: str) -> None:
        self.stream = stream
        stream.address = address
        self._gate = gate
        self._task: asyncio.Task[None] | None = None
        self._obeying = Obeying(stream, gate.acknowledge, gate.hub.epoch)

    def begin(self, asked: Asked, *, can_speak: bool) -> None:
        """Start the stream, or wait for its first frame.

        Parameters:
            can_speak: whether the peer could send one.
        """
        stream, hub = self.stream, self._gate.hub
        principal, stream.since = asked.principal, asked.since
        # One who resumes and has not said who they are waits, too: opened as nobody's, the stream would
        # run past what is theirs.
        stream.may_be_nobody = self._gate.config.anonymous_broadcasts and not asked.first_frame
        if principal is None and can_speak and not (stream.may_be_nobody and asked.since is None):
            hub.wait_for_first_frame(stream)
        elif principal is not None and principal.user_id is not None and not hub.has_room_for(principal.user_id):
            stream.close(Close.TOO_MANY_STREAMS, "too many streams of this user are open")
        else:
            stream.principal = principal
            hub.enter(stream)
            self._look_again()

    def keep_apart(self) -> None:
        self.stream.step_out()

    def ended(self) -> None:
        self.stream.gone()

    def over_budget(self) -> None:
        self._gate.hub.over_budget(self.stream)

    def answered(self) -> None:
        self.stream.pings = 0

    def counted(self) -> None:
        self.stream.count_frame(self._gate.clock.monotonic(), self._gate.config.limits.messages_per_minute)

    def heard(self, text: str) -> None:
        command = self.stream.hear(text)
        if command is None:
            return
        if command.verb == "auth":
            self._task = asyncio.get_running_loop().create_task(self._authenticate(command.value))
        else:
            self._obeying.obey(command)

    def lost(self) -> None:
        # Let go first: what a task was cancelled with leads back to this connection.
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
        self._obeying.stop()
        self._gate.hub.leave(self.stream)
        self._gate.hub.release(self.stream.address)

    async def _authenticate(self, credential: str) -> None:
        stream, hub = self.stream, self._gate.hub
        try:
            principal = await self._gate.identify(credential)
        except Refusal as refusal:
            stream.close(close_code(refusal), refusal.sentence)
            return
        except Damaged as damage:
            log.error("a first frame could not be looked up: %s", damage)
            stream.close(Close.OVERLOAD, "the server cannot say who that is")
            return
        finally:
            stream.authenticating = False
        if principal.user_id is not None and not hub.has_room_for(principal.user_id):
            stream.close(Close.TOO_MANY_STREAMS, "too many streams of this user are open")
        elif stream.state is State.CONNECTING:
            stream.principal = principal
            hub.enter(stream)
            self._look_again()
        elif stream.since is not None or stream.state is State.CATCHING_UP:
            # It has gone on as nobody's: what was this user's since then was passed over, or is about to be.
            stream.close(Close.RESTART, "come back with the credential, to resume with it")
        elif stream.state is not State.CLOSING:
            stream.principal = principal
            hub.adopt(stream)
            self._look_again()

    def _look_again(self) -> None:
        # A revocation is told to the streams that are in the hub; one that was committed while this one was
        # on its way there would be noticed by nobody.
        principal = self.stream.principal
        if principal is not None and self.stream.state is not State.CLOSING:
            self._task = asyncio.get_running_loop().create_task(self._close_if_gone(principal))

    async def _close_if_gone(self, principal: Principal) -> None:
        try:
            if not await self._gate.authorize.still_holds(principal):
                self.stream.revoke()
        except (Unavailable, Damaged):
            self.stream.suspect()
