"""How much is sent, how fast and to how many: for charts of the last hour or day, of this node."""

from __future__ import annotations

import msgspec

from tocsin.api.answer import Answer, ok
from tocsin.api.call import Call
from tocsin.errors import Invalid
from tocsin.wire import timestamp

_SPANS = {"hour": (60, 1), "day": (24 * 60, 10)}
"""Minutes looked back, and minutes that go together."""


class Figure(msgspec.Struct, frozen=True):
    """What happened in one step.

    Attributes:
        at: when it began.
        sends: notifications that this node told its streams of, whichever node took them.
        deliveries: how often one was written to a stream.
        refusals: requests to send that were refused, or failed.
        streams: most that were open.
        p50, p99: within how many milliseconds so many in a hundred requests to send were answered, to a fifth; null
            where there were none.
    """

    at: str
    sends: int
    deliveries: int
    refusals: int
    streams: int
    p50: float | None
    p99: float | None


class Figures(msgspec.Struct, frozen=True):
    """`GET /api/figures`, oldest first.

    Attributes:
        began: when this process did; nothing of before is known.
        step: seconds.
    """

    span: str
    began: str
    step: int
    figures: list[Figure]


async def list_figures(call: Call) -> Answer:
    """`GET /api/figures`."""
    span = call.request.asked("span") or "hour"
    if span not in _SPANS:
        raise Invalid("span", "must be `hour` or `day`")
    minutes, step = _SPANS[span]
    ring = call.parts.minutes
    figures = [
        Figure(
            at=timestamp(one.at),
            sends=one.sends,
            deliveries=one.deliveries,
            refusals=one.refusals,
            streams=one.streams,
            p50=one.quantile(0.5),
            p99=one.quantile(0.99),
        )
        for one in ring.last(minutes, step)
    ]
    return ok(Figures(span, timestamp(ring.began), step * 60, figures))
