"""What is judged after something was broken: nothing acknowledged is lost, every follower saw all, once, in order."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from faults.load import Damage, Publishers, judge_follower, judge_inbox
from harness.http import inbox
from harness.patience import PATIENCE, SLACK
from nodes.three import Nodes, Roaming

USERS = ("user123", "user456")
Following = list[tuple[str, Roaming]]


@contextmanager
def followers(nodes: Nodes, each: int = 2) -> Iterator[Following]:
    """So many followers on each node, of one user and the other, by WebSocket and by SSE."""
    found = [
        (USERS[k % 2], nodes.follower(USERS[k % 2], n, sse=bool((k // 2 + n) % 2)))
        for n in range(len(nodes.all))
        for k in range(each)
    ]
    try:
        for _, one in found:
            one.wait_started(60)
        yield found
    finally:
        for _, one in found:
            one.stop()


def judge(
    nodes: Nodes, publishers: Publishers, following: Following, *, by: int = 0, seconds: float = 10.0 + 10.0 * SLACK
) -> None:
    """Compare what was answered, listed and streamed."""
    for user in USERS:
        listed = inbox(nodes.user(user, by), patience=PATIENCE)
        judge_inbox(listed, publishers.acked, user)
        for name, follower in following:
            if name == user and listed:
                follower.wait_for(listed[0]["position"], seconds)
                judge_follower(follower, listed)


def lag(nodes: Nodes, following: Following, *, by: int = 0, most: float = 10.0 * SLACK) -> float:
    """Seconds until everybody has got what is sent now."""
    ends = time.monotonic() + PATIENCE
    # On a busy machine a node may lose sight of the log for a moment.
    while (sent := nodes[by].service().send("how late", "m")).status == 503 and time.monotonic() < ends:
        time.sleep(0.1)
    assert sent.status == 200, (sent.status, sent.text)
    began = time.monotonic()
    while not all(_has(follower, sent.json["notificationId"]) for _, follower in following):
        if time.monotonic() - began > most:
            return most
        time.sleep(0.01)
    return time.monotonic() - began


def lateness(publishers: Publishers, following: Following, since: float, until: float) -> float:
    """Seconds that the slowest delivery took of all that was begun to be sent between two moments and was taken.

    Raises:
        Damage: somebody has not got one of them.
    """
    worst = 0.0
    begun = {id_: began for id_, began in publishers.begun.items() if since <= began < until}
    for user, follower in following:
        came = {id_: at for (_, id_), at in zip(follower.seen, follower.came, strict=False)}
        for id_, began in begun.items():
            if publishers.acked[id_][1] in (None, user):
                if id_ not in came:
                    raise Damage(f"a follower of {user} has not got {id_}")
                worst = max(worst, came[id_] - began)
    return worst


def refused_of(publishers: Publishers) -> float:
    """The share of sends that were refused with 503; anything else fails.

    Where other tests run beside, a database that gets no turn for a second has some refused, whatever is broken.
    """
    assert set(publishers.statuses) <= {200, 503}, publishers.statuses
    return publishers.statuses[503] / publishers.statuses.total()


def _has(follower: Roaming, id_: str) -> bool:
    last: Sequence[tuple[str, str]] = follower.seen[-3_000:]
    return any(seen == id_ for _, seen in reversed(last))


def wait_until(true: Callable[[], bool], seconds: float = 10.0 * SLACK) -> float:
    """The seconds that it took."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < seconds, "it never came to be"
        time.sleep(0.02)
    return time.monotonic() - began
