"""Position: a place in the log, and what a stream resumes from."""

from __future__ import annotations

import re
from typing import NewType

import msgspec

from tocsin.errors import Invalid, Malformed

Epoch = NewType("Epoch", str)
"""Eight lower-case hexadecimal digits, drawn anew whenever numbers could otherwise be used twice."""

_FORM = re.compile(r"([0-9a-f]{8})-(0|[1-9][0-9]{0,17})\Z")


class Position(msgspec.Struct, frozen=True, order=False):
    """Epoch and sequence number, written `<epoch>-<seq>`."""

    epoch: Epoch
    seq: int

    def __str__(self) -> str:
        return f"{self.epoch}-{self.seq}"

    @classmethod
    def parse(cls, text: str) -> Position:
        """Read the written form.

        Raises:
            Malformed: when the text is not `<epoch>-<seq>`.
        """
        found = _FORM.match(text)
        if found is None:
            raise Malformed("not a position: expected <epoch>-<number> as a stream or a list gave it")
        return cls(Epoch(found[1]), int(found[2]))


def number_in(epoch: Epoch, text: str, where: str) -> int:
    """The number of a position that somebody gives back to the log that it is of.

    Parameters:
        epoch: of that log.
        where: the field that holds the text.

    Raises:
        Invalid: no position, or one of another log, where that number is another notification's.
    """
    try:
        position = Position.parse(text)
    except Malformed as refusal:
        raise Invalid(where, str(refusal)) from None
    if position.epoch != epoch:
        raise Invalid(where, "is a position of another log")
    return position.seq
