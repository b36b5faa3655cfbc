"""Many who act at once, on a real server: how many are unread, as asked and as told, equals a recount."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from harness.http import Http, inbox
from harness.server import Server
from inbox.people import TYPES, Person, number, sent
from inbox.screens import Event, Watched

CONNECTIONS = 32
STEPS = 32
"""Changes on each connection."""

MISCOUNTING = os.pathsep.join(
    [str(Path(__file__).parent / "miscounting"), *filter(None, [os.environ.get("PYTHONPATH")])]
)


def change_much_at_once(server: Server, people: list[Person], *, rounds: int, seed: int) -> Counter[int]:
    """Read, set unread, dismiss, acknowledge, mark, send and withdraw on CONNECTIONS connections; the statuses."""
    chance = random.Random(seed)
    ids: list[str] = []

    def about(chance: random.Random) -> dict[str, Any]:
        device = chance.choice([{}, {"deviceId": "d1"}, {"deviceId": "d2"}])
        audience = chance.choice([{}, {"userId": chance.choice(people).id}])
        return {"type": chance.choice(TYPES), "dismissible": chance.random() < 0.7, **device, **audience}

    ids += [sent(server, f"{n}", **about(chance)) for n in range(60)]

    def act(client: Http, chance: random.Random) -> int:
        client.key = chance.choice(people).key
        step, path = chance.random(), f"/api/notifications/{chance.choice(ids)}"
        if step < 0.3:
            return client.put(f"{path}/read").status
        if step < 0.5:
            return client.delete(f"{path}/read").status
        if step < 0.6:
            return client.request(chance.choice(["PUT", "PUT", "DELETE"]), f"{path}/dismissal").status
        if step < 0.7:
            return client.put(f"{path}/acknowledgement").status
        if step < 0.8:
            scope = chance.choice([{}, {"type": chance.choice(TYPES)}, {"deviceId": chance.choice(["d1", "d2"])}])
            return client.post("/api/notifications/read-all", scope).status
        client.key = server.service().key
        if step < 0.95:
            answer = client.send(**about(chance))
            ids.append(answer.json["notificationId"])
            return answer.status
        return client.delete(path).status

    def on_a_connection(n: int) -> Counter[int]:
        client, chance = Http(server.url, keep=True), random.Random(seed + 1 + n)
        return Counter(act(client, chance) for _ in range(STEPS * rounds))

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        return sum(pool.map(on_a_connection, range(CONNECTIONS)), Counter())


def judge(people: list[Person], streams: list[Watched]) -> None:
    """What the server counts, what it told last, and what a reader of all pages counts are the same."""
    for person, stream in zip(people, streams, strict=True):
        # Of what is sent streams are told without counts: these follow on something that is done.
        id_ = person.page(limit=1)["notifications"][0]["id"]
        person.did("DELETE", id_, "read")
        person.did("PUT", id_, "read")
        counted = person.http.get("/api/notifications/unread").json
        found = Counter(item["type"] for item in inbox(person.http, limit=20) if item["read"] is None)
        recount = {"total": found.total(), "types": {kind: found[kind] for kind in TYPES}}
        _, event = stream.first(partial(_counts_all, counted["position"]))
        stream.stop()
        told = event["data"]
        for what, counts in (("asked", counted), ("told", told)):
            assert {name: counts[name] for name in recount} == recount, f"{what}, {person.id} has other counts"


def _counts_all(position: str, event: Event) -> bool:
    return event["event"] == "unread" and number(event["data"]["position"]) >= number(position)


@pytest.mark.parametrize("kind", ["websocket", "sse", "lines"])
def test_after_a_thousand_random_changes_at_once_the_count_equals_a_recount(
    start_server: Callable[..., Server], soak: bool, kind: str
) -> None:
    server = start_server()
    people = [Person(server) for _ in range(3)]
    streams = [Watched(getattr(person, kind)()) for person in people]

    statuses = change_much_at_once(server, people, rounds=10 if soak else 1, seed=11)

    assert statuses.total() >= 1_000
    # 404: it was withdrawn meanwhile, or is another's. 409: it must be acknowledged before it is dismissed.
    assert set(statuses) == {200, 204, 404, 409}, statuses
    assert statuses[200] > statuses.total() / 2
    judge(people, streams)
    for person in people:
        person.marked()
        assert person.unread() == {}


@pytest.mark.one_file(reason="the rule is taken out of the statements of SQLite")
def test_control_a_server_that_does_not_count_what_is_set_unread_is_found_out(
    start_server: Callable[..., Server],
) -> None:
    server = start_server(env={"PYTHONPATH": MISCOUNTING})
    people = [Person(server) for _ in range(3)]
    streams = [Watched(person.websocket()) for person in people]
    change_much_at_once(server, people, rounds=1, seed=11)
    for person in people:
        # The last at once may have been a mark of all, which leaves nothing to be counted wrongly.
        person.marked()
        person.did("DELETE", person.page(limit=2)["notifications"][1]["id"], "read")
    with pytest.raises(AssertionError, match="has other counts"):
        judge(people, streams)
