"""The streams of one form that get every broadcast, and the loop that writes it to them.

It is the hottest loop there is, and what a turn of it must fetch from memory costs more than what it does. So those for
whom nothing waits stand *abreast*: how far they are and how much they were written is the same for all and kept here
once, and a frame goes straight to their sockets. Whoever is behind, has something waiting in this process, or is ahead
of what this node has fanned out stands *apart*, and is offered each broadcast by itself.
"""

from __future__ import annotations

import os

from tocsin.live.stream import State, Stream


class BroadcastGroup:
    """Streams of one form that are told of every device.

    Attributes:
        upto: everything up to this number was written to those who stand abreast, or is not for them.
        sent: bytes of all broadcasts so far.
    """

    def __init__(self) -> None:
        self.upto = 0
        self.sent = 0
        self._abreast: dict[int, Stream] = {}
        self._apart: set[Stream] = set()

    def __len__(self) -> int:
        return len(self._abreast) + len(self._apart)

    def add(self, stream: Stream) -> None:
        """Take a stream in, if it is not."""
        if not stream.is_abreast:
            self._apart.add(stream)

    def discard(self, stream: Stream) -> None:
        """Let a stream go that has stepped out."""
        self._apart.discard(stream)

    def step_out(self, stream: Stream) -> None:
        """As Abreast says; while its door still has its descriptor."""
        assert stream.door.descriptor is not None
        del self._abreast[stream.door.descriptor]
        self._apart.add(stream)

    def write(self, seq: int, frame: bytes) -> int:
        """Write a broadcast to everyone, or leave it to the store for those who are behind.

        Parameters:
            seq: its number, above that of every broadcast before.

        Returns:
            To how many streams.
        """
        count, apart = len(self._abreast), tuple(self._apart)
        # Before the first is written to: who steps out in the midst of it does so with this frame.
        self.upto = seq
        self.sent += len(frame)
        self._write_abreast(frame)
        for stream in apart:
            if stream.state is not State.CLOSING:
                stream.offer(seq, frame)
                self._look_at(stream, seq)
                count += 1
        return count

    def _write_abreast(self, frame: bytes) -> None:
        size, write = len(frame), os.write
        for descriptor in tuple(self._abreast):
            try:
                written = write(descriptor, frame)
            except OSError:
                written = 0
            if written != size:
                # What the kernel does not take waits in the transport, which also finds out who is gone.
                self._abreast[descriptor].door.write(frame[written:])

    def _look_at(self, stream: Stream, seq: int) -> None:
        door = stream.door
        if stream.state is State.LIVE and stream.upto == seq and door.descriptor is not None and not door.unsent():
            self._apart.remove(stream)
            self._abreast[door.descriptor] = stream
            stream.step_in(self)
