"""Read, dismissed, acknowledged: three times of each recipient's own, set once, taken back, and nobody else's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from harness.server import Server
from inbox.people import Person, sent

READ, DISMISSAL, ACKNOWLEDGEMENT = "read", "dismissal", "acknowledgement"
MEMBER = {READ: "read", DISMISSAL: "dismissed", ACKNOWLEDGEMENT: "acknowledged"}
NOTHING: dict[str, str | None] = {"read": None, "dismissed": None, "acknowledged": None}
STEPS = [("PUT", READ), ("DELETE", READ), ("PUT", DISMISSAL), ("DELETE", DISMISSAL), ("PUT", ACKNOWLEDGEMENT)]


def state_of(person: Person, id_: str) -> Any:
    item = person.item(id_)
    return {name: item[name] for name in NOTHING}


@pytest.mark.parametrize("everyones", [False, True], ids=["own", "everyone's"])
@pytest.mark.parametrize("what", [READ, DISMISSAL, ACKNOWLEDGEMENT])
def test_each_is_a_time_of_its_own_and_changes_no_other(
    dev: Server, person: Person, what: str, everyones: bool
) -> None:
    id_ = sent(dev, "t") if everyones else person.sent()
    assert state_of(person, id_) == NOTHING

    state = person.did("PUT", id_, what)

    at = datetime.fromisoformat(state[MEMBER[what]])
    assert abs(datetime.now(UTC) - at) < timedelta(minutes=5)
    assert state[MEMBER[what]].endswith("Z")
    assert {**state, MEMBER[what]: None} == NOTHING
    assert state_of(person, id_) == state
    assert {name: person.inbox()[0][name] for name in NOTHING} == state


@pytest.mark.parametrize("before", [*STEPS, None], ids=str)
@pytest.mark.parametrize("step", STEPS, ids=str)
def test_every_step_after_every_other(person: Person, before: tuple[str, str] | None, step: tuple[str, str]) -> None:
    id_ = person.sent()
    expected = person.did(before[0], id_, before[1]) if before else dict(NOTHING)
    old = dict(expected)
    state = person.did(step[0], id_, step[1])

    member = MEMBER[step[1]]
    assert {**state, member: None} == {**old, member: None}, "the others stay"
    if step[0] == "DELETE":
        assert state[member] is None
    elif old[member] is not None:
        assert state[member] == old[member], "when it was done first"
    else:
        assert state[member] is not None
    assert state_of(person, id_) == state


@pytest.mark.parametrize(("method", "what"), STEPS)
def test_done_twice_nothing_changes_and_nothing_is_told(person: Person, method: str, what: str) -> None:
    id_ = person.sent()
    if method == "DELETE":
        person.did("PUT", id_, what)
    first = person.did(method, id_, what)
    count, place = person.unread(), person.now()

    assert person.did(method, id_, what) == first
    assert person.now() == place, "no number is taken"
    assert person.changes(since=place)["changes"] == []
    assert person.unread() == count


def test_it_can_be_read_again_later(person: Person) -> None:
    id_ = person.sent()
    first = person.did("PUT", id_, READ)["read"]
    assert person.did("DELETE", id_, READ)["read"] is None
    assert person.did("PUT", id_, READ)["read"] >= first
    assert person.unread() == {}


@pytest.mark.parametrize("everyones", [False, True], ids=["own", "everyone's"])
def test_what_is_not_dismissible_is_acknowledged_first(dev: Server, person: Person, everyones: bool) -> None:
    id_ = sent(dev, "t", dismissible=False) if everyones else person.sent(dismissible=False)
    person.did("PUT", id_, READ)
    place = person.now()

    answer = person.act("PUT", id_, DISMISSAL)

    assert answer.status == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert "acknowledged" in answer.json["error"]
    assert person.now() == place
    assert person.did("DELETE", id_, DISMISSAL)["dismissed"] is None, "there was nothing to take back"
    acknowledged = person.did("PUT", id_, ACKNOWLEDGEMENT)
    assert acknowledged["dismissed"] is None, "that alone does not dismiss it"
    assert person.did("PUT", id_, DISMISSAL)["dismissed"] is not None
    person.did("DELETE", id_, DISMISSAL)
    assert person.did("PUT", id_, DISMISSAL)["dismissed"] is not None, "acknowledged once is enough"


def test_an_acknowledgement_is_not_taken_back(person: Person) -> None:
    answer = person.act("DELETE", person.sent(), ACKNOWLEDGEMENT)
    assert answer.status == 405
    assert "PUT" in answer.headers["allow"]


@pytest.mark.parametrize(("method", "what"), STEPS)
def test_what_is_not_ones_own_is_not_there(
    dev: Server, person: Person, somebody: Callable[[], Person], method: str, what: str
) -> None:
    early = sent(dev, "before they came")
    late = somebody()
    withdrawn = late.sent()
    assert dev.service().delete(f"/api/notifications/{withdrawn}").status == 204
    ids = [person.sent(), early, withdrawn, "notif_none", "%00", "%ff", "x" * 3000, "'%20OR%201=1"]

    answers = [late.act(method, id_, what) for id_ in ids]

    assert [answer.status for answer in answers] == [404] * len(ids)
    said = {answer.json["error"] for answer in answers[:4]}
    assert len(said) == 1, "nobody learns which it is"
    assert state_of(person, ids[0]) == NOTHING


def test_of_a_broadcast_everybody_has_a_state_of_their_own(dev: Server, somebody: Callable[[], Person]) -> None:
    people = [somebody() for _ in range(3)]
    id_ = sent(dev, "t")
    people[0].did("PUT", id_, READ)
    people[1].did("PUT", id_, ACKNOWLEDGEMENT)
    people[1].did("PUT", id_, DISMISSAL)

    found = [{name for name, at in state_of(one, id_).items() if at} for one in people]
    assert found == [{"read"}, {"acknowledged", "dismissed"}, set()]
    assert [one.unread() for one in people] == [{}, {"info": 1}, {"info": 1}]


@pytest.mark.parametrize("body", [b"", b"{}", b'{"read": false}', b"not json", b"\xff" * 100])
def test_no_body_is_read(person: Person, body: bytes) -> None:
    id_ = person.sent()
    answer = person.http.request("PUT", f"/api/notifications/{id_}/read", body=body)
    assert answer.status == 200
    assert person.unread() == {}


def test_states_outlive_a_kill(start_server: Callable[..., Server]) -> None:
    server = start_server()
    person = Person(server)
    own, everyones = person.sent(dismissible=False), sent(server, "t")
    for id_, steps in ((own, [ACKNOWLEDGEMENT, DISMISSAL]), (everyones, [READ, DISMISSAL])):
        for what in steps:
            person.did("PUT", id_, what)
    person.did("DELETE", everyones, READ)
    before, count = person.inbox(), person.unread()

    server.kill()
    server.start()

    assert person.inbox() == before
    assert person.unread() == count == {"info": 2}
