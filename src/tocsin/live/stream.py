"""One live stream as a state machine. Knows no socket, no loop and no clock.

    connecting ──authenticate──▶ catching up ──last page taken──▶ live
                                      ▲                            │
                                      └──────── over budget ───────┘        any ──close──▶ closing

While it catches up, pages come from the store and live frames wait in a small hold. The hold is begun
empty before a page's head is read: whatever is fanned out after that is in the hold, whatever was
committed before is in the page, and what is in both is dropped by its number.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple, Protocol

from tocsin import wire
from tocsin.device import DeviceId
from tocsin.errors import Refusal
from tocsin.live.closing import Close
from tocsin.live.door import Door
from tocsin.live.form import Form, change
from tocsin.ports import Page
from tocsin.position import Epoch, Position
from tocsin.principal import Principal, UserId
from tocsin.receipt import Item

HOLD = 64 * 1024
"""Most bytes of live frames kept while a page is read."""


COMMANDS = frozenset({"read", "dismiss", "acknowledge", "received"})
"""What a `tocsin.v1` WebSocket of a user may ask for: `{"<command>": "<id or position>"}`."""

PING = "ping"
"""What any `tocsin.v1` WebSocket may ask: whether this node is there. Pages are not told of a WebSocket's own pings."""


class Command(NamedTuple):
    """What a peer asks for: a credential to establish (`auth`), or one of COMMANDS."""

    verb: str
    value: str


class Abreast(Protocol):
    """Streams that are all written the same at once, and for which it is kept once how far they are.

    Attributes:
        upto: everything up to this number was written to each, or is not for it.
        sent: bytes written to each, counted from before the first of them.
    """

    upto: int
    sent: int

    def step_out(self, stream: Stream) -> None:
        """Write to a stream no more with the others."""
        ...


class State(Enum):
    """Where a stream is in its life."""

    CONNECTING = "connecting"
    """Open, but nobody yet: waits for its credential."""
    CATCHING_UP = "catching up"
    """Reads what it missed from the store."""
    LIVE = "live"
    """Is written to as things happen."""
    CLOSING = "closing"
    """Is written to no more."""


class Stream:
    """One connection's view of the log.

    Parameters:
        form: how events look.
        door: the way out.
        principal: whose stream it is; None for nobody (yet).
        devices: only notifications about these devices, or None for all.

    Attributes:
        since: where to start, once it is known whose stream it is.
        may_be_nobody: whether it becomes a stream of broadcasts when it never says whose it is.
        began: the number it began after.
        number: which of the streams of this process it is, and `opened` when it was, milliseconds UTC.
    """

    __slots__ = (
        "_abreast",
        "_floor",
        "_hold",
        "_hold_size",
        "_overrun",
        "_sent",
        "_since",
        "_upto",
        "address",
        "authenticating",
        "began",
        "devices",
        "door",
        "form",
        "greeting",
        "heard",
        "may_be_nobody",
        "minute",
        "number",
        "opened",
        "pings",
        "principal",
        "since",
        "slot",
        "stalled_since",
        "state",
        "taken",
    )

    def __init__(
        self,
        form: Form,
        door: Door,
        *,
        principal: Principal | None = None,
        devices: frozenset[DeviceId] | None = None,
    ) -> None:
        self.form = form
        self.door = door
        self.principal = principal
        self.devices = devices
        self.state = State.CONNECTING
        self.began = 0
        self._upto = 0
        self._sent = 0
        self._abreast: Abreast | None = None
        self.authenticating = False
        self.greeting = False
        self.since: Position | None = None
        self.may_be_nobody = False
        self._since: Position | None = None
        self._hold: list[tuple[int, bytes]] | None = None
        self._hold_size = 0
        self._overrun = False
        self._floor = 0
        self.number = 0
        self.opened = 0
        self.address = ""
        self.minute = 0.0
        self.heard = 0
        # Kept by the hub's sweep: signs of life and of progress.
        self.slot = 0
        self.pings = 0
        self.taken = 0
        self.stalled_since = 0.0

    @property
    def user_id(self) -> UserId | None:
        """Whose notifications it gets; None for broadcasts only."""
        return self.principal.user_id if self.principal is not None else None

    @property
    def upto(self) -> int:
        """Everything up to this number was written or is not for this stream."""
        return self._upto if self._abreast is None else max(self._upto, self._abreast.upto)

    @property
    def sent(self) -> int:
        """Bytes written so far."""
        return self._sent if self._abreast is None else self._sent + self._abreast.sent

    # ------------------------------------------------------------ opening

    def open(self, epoch: Epoch, head: int) -> None:
        """Start streaming right after `since`, or without one at the head.

        Parameters:
            head: the last number that this node has fanned out.
        """
        since = self.since
        here = Position(epoch, head)
        self._tell("hello", since if since is not None else here, b"{}")
        if self.state is State.CLOSING:
            return
        self.begin_after(head)
        if since is not None and since.epoch == epoch:
            self.begin_after(since.seq)
            self._since = since
            self.state = State.CATCHING_UP
            self.greeting = True
            return
        if since is not None:
            self._lost(here)
        self._now_live(epoch)

    def begin_after(self, seq: int) -> None:
        """What has a number up to this one is not for this stream."""
        self._upto = self.began = seq

    # ------------------------------------------------------------ live

    def offer(self, seq: int, frame: bytes) -> None:
        """A live frame, in order of `seq`."""
        if seq <= self.upto:
            return
        if self.state is State.LIVE:
            self._upto = seq
            self._send(frame)
        elif self._hold is not None:
            self._hold_size += len(frame)
            if self._hold_size > HOLD:
                self._hold, self._overrun = None, True
            else:
                self._hold.append((seq, frame))

    def fall_behind(self) -> None:
        """More waits for the reader than its budget allows: live frames are let go, the store has them."""
        if self.state is State.LIVE:
            self.step_out()
            self.state = State.CATCHING_UP

    def step_in(self, abreast: Abreast) -> None:
        """From now on it is written to with others, and is where they are."""
        self._abreast = abreast
        self._sent -= abreast.sent

    def step_out(self) -> None:
        """From now on it is written to by itself."""
        if (abreast := self._abreast) is not None:
            self._upto, self._sent, self._abreast = self.upto, self.sent, None
            abreast.step_out(self)

    @property
    def is_abreast(self) -> bool:
        """Whether it is written to with others."""
        return self._abreast is not None

    def close(self, code: Close, reason: str) -> None:
        """End it."""
        if self.state is not State.CLOSING:
            self.step_out()
            self.state = State.CLOSING
            self._hold = None
            self.door.close(code, reason)

    def revoke(self) -> None:
        """Its key, token or user was taken away."""
        self.close(Close.REVOKED, "the credential was revoked")

    def suspect(self) -> None:
        """Whether its credential still holds cannot be known now: it must be shown anew."""
        self.close(Close.RESTART, "come back with the credential, which cannot be looked at now")

    def gone(self) -> None:
        """Nobody is left to tell, or the last word was said past this stream."""
        self.step_out()
        self.state = State.CLOSING
        self._hold = None

    # ------------------------------------------------------------ catching up

    def begin_page(self) -> None:
        """A page is about to be read: from now on live frames are held."""
        self._hold, self._hold_size, self._overrun = [], 0, False

    def take_page(self, epoch: Epoch, page: Page) -> None:
        """What was read; after the last page the stream is live."""
        if self.state is not State.CATCHING_UP:
            return
        if page.floor > max(self.upto, self._floor):
            # Something between here and there is gone for good: what is left follows.
            self._floor = page.floor
            self._lost(Position(epoch, self.upto), Position(epoch, page.floor))
            if self.state is not State.CATCHING_UP:
                return
        if self._since is not None and self._since.seq > page.head:
            # A number this log has not given out: the position is from a future that did not happen here.
            self.begin_after(page.head)
            self._since = None
            self._lost(Position(epoch, page.head))
        else:
            self._since = None
            self._send_all(_frames(page, self.form, epoch))
            self._upto = max(self._upto, page.upto)
        # A door that is paused tells nothing when still more is written: such a stream stays with its pages.
        if not page.full and not self._overrun and not self.door.paused and self.state is State.CATCHING_UP:
            held, self._hold = self._hold or [], None
            self._now_live(epoch)
            for seq, frame in held:
                self.offer(seq, frame)

    def _now_live(self, epoch: Epoch) -> None:
        if self.state is State.CLOSING:
            return
        first_time, self.greeting = self.greeting or self.state is State.CONNECTING, False
        self.state = State.LIVE
        if first_time:
            self._tell("caught-up", Position(epoch, self.upto), b"{}")
        if self.door.paused:
            # Since before it was live, when there was nothing to fall behind.
            self.fall_behind()

    def _lost(self, from_here: Position, oldest: Position | None = None) -> None:
        if not self.form.tells_events:
            self.close(Close.LOST, "that position is not of this log; start again without since")
            return
        self._tell("gap", from_here, b'{"oldest":"%b"}' % str(oldest or from_here).encode())

    def _tell(self, event: str, position: Position, data: bytes) -> None:
        self._send(self.form.event(event, str(position), data))

    def ping(self) -> None:
        """Ask the peer for a sign of life."""
        self._send(self.form.ping)

    def tell(self, frame: bytes) -> None:
        """Something that has no place in the log and holds only for who is not behind."""
        if self.state is State.LIVE:
            self._send(frame)

    def answer(self, frame: bytes) -> None:
        """What became of something that the peer asked for."""
        if self.state in (State.LIVE, State.CATCHING_UP) and not self.door.paused:
            self._send(frame)

    def _send(self, frame: bytes) -> None:
        if frame and self.state is not State.CLOSING:
            self._sent += len(frame)
            self.door.write(frame)

    def _send_all(self, frames: Sequence[bytes]) -> None:
        if frames and self.state is not State.CLOSING:
            self._sent += sum(map(len, frames))
            self.door.write_all(frames)

    # ------------------------------------------------------------ what the peer says

    def count_frame(self, now: float, per_minute: int) -> None:
        """A frame of any kind came from the peer, but for a pong that was asked for.

        Parameters:
            now: seconds, monotonic.
            per_minute: frames it may send in a minute.
        """
        if now - self.minute >= 60:
            self.minute, self.heard = now, 0
        self.heard += 1
        if self.heard > per_minute:
            self.close(Close.TOO_FAST, f"more than {per_minute} messages in a minute")

    def hear(self, text: str) -> Command | None:
        """A text frame from the peer.

        Returns:
            What it asks for, or None; a frame that may not stand here closes the stream.
        """
        if self.state is State.CLOSING:
            return None
        try:
            frame = wire.read(text.encode(), dict)
        except Refusal:
            self.close(Close.BAD_FRAME, "expected a JSON object")
            return None
        verb, value = next(iter(frame.items())) if len(frame) == 1 else ("", None)
        if verb == "auth" and isinstance(value, str):
            if self.principal is None and not self.authenticating:
                self.authenticating = True
                return Command(verb, value)
            self.close(Close.BAD_FRAME, "already authenticated")
        elif verb == PING and isinstance(value, str) and self.form.tells_changes and self.state is not State.CONNECTING:
            self.answer(self.form.event("pong", None, wire.encode({PING: value})))
        elif self.state is State.CONNECTING or (verb in COMMANDS and self.principal is None):
            self.close(Close.BAD_CREDENTIAL, 'the first frame must be {"auth": "…"}')
        elif verb in COMMANDS and isinstance(value, str) and self.form.tells_changes and self.user_id is not None:
            return Command(verb, value)
        else:
            self.close(Close.BAD_FRAME, "not a command")
        return None


def _frames(page: Page, form: Form, epoch: Epoch) -> list[bytes]:
    frames = page.told.get(form)
    if frames is None:
        made = [
            form.notification(epoch, told) if isinstance(told, Item) else change(form, epoch, told)
            for told in page.changes
        ]
        frames = page.told[form] = [frame for frame in made if frame]
    return frames
