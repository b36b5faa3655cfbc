"""Lists that several nodes have a part of: where one is in them, and a page of all parts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TypeVar

from tocsin.errors import Invalid

T = TypeVar("T")

Place = tuple[int, int, str]
"""Where one is in the list: its time (milliseconds UTC), its number on its node, the node."""

_PLACE = re.compile(r"([0-9]{1,18})-([0-9]{1,18})(?:-(.{1,200}))?", re.ASCII | re.DOTALL)


def place_of(before: str | None) -> Place | None:
    """The place that `next` gave, or None for the beginning.

    Raises:
        Invalid: it gave another.
    """
    if before is None:
        return None
    if (found := _PLACE.fullmatch(before)) is None:
        raise Invalid("before", "must be what `next` gave")
    return int(found[1]), int(found[2]), found[3] or ""


def one_page(rows: Iterable[tuple[Place, T]], limit: int) -> tuple[list[T], str | None]:
    """The newest of what the nodes have told, and the `before` of the page after it, or None.

    Parameters:
        rows: of each node one more than fit, where it has so many.
        limit: how many fit.
    """
    found = sorted(rows, key=lambda row: row[0], reverse=True)
    page = found[:limit]
    next_ = "-".join(map(str, filter(None, page[-1][0]))) if len(found) > limit else None
    return [item for _, item in page], next_
