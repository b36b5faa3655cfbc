"""What a look of `tocsin doctor` found."""

from __future__ import annotations

from typing import Literal, NamedTuple


class Finding(NamedTuple):
    """What one look found.

    Attributes:
        grade: only a `problem` makes the exit status 1.
        about: one word or two.
    """

    grade: Literal["good", "note", "warning", "problem"]
    about: str
    sentence: str
