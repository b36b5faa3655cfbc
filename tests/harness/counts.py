"""What `recipientCount` may be: of several nodes it is a lower bound, where one of them did not answer within 50 ms.

before = lower_bounds(server)
answer = server.service().send("t")
assert is_count(server, answer.json["recipientCount"], 3, before)
"""

from __future__ import annotations

import re

from harness.http import Http
from harness.server import NODES, Server


def lower_bounds(server: Server) -> float:
    """How many sends the nodes have told too low a count for, so far; none where there is one process."""
    if NODES == 1:
        return 0.0
    told = [Http(url).get("/metrics").text for url in server.urls]
    found = [re.search(r"^tocsin_recipient_count_lower_bounds_total (\S+)$", text, re.MULTILINE) for text in told]
    return sum(float(one[1]) for one in found if one is not None)


def is_count(server: Server, told: int, streams: int, before: float) -> bool:
    """Whether it is the number of streams, or less and the nodes say that it may be.

    Parameters:
        before: `lower_bounds` of before the send.
    """
    return told == streams or (told < streams and lower_bounds(server) > before)
