"""Requests made up from /openapi.json, by every role: none may make a 5xx, or an answer that is not described there."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.people import ROLES, clients
from harness.http import Http
from harness.patience import PATIENCE
from harness.server import Server

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]

EXAMPLES = {"admin": 5, "user123": 3}
"""Of the requests made up of each kind for each route, how many are made by whom; the others make one, whom most routes
turn away before reading anything. To make them up takes longer than to have them answered."""

SOAK = 80
"""So many times as many."""


@pytest.fixture(scope="module")
def callers(server: Server) -> dict[str, Http]:
    return clients(server)


@pytest.fixture(scope="module")
def operations(server: Server) -> list[list[Any]]:
    """What makes up requests to each route; to make it takes longer than to make some of them."""
    schema = schemathesis.openapi.from_url(f"{server.url}/openapi.json")
    found = [strategies(operation.ok()) for operation in schema.get_all_operations()]
    assert len(found) > 30
    return found


def strategies(operation: Any) -> list[Any]:
    """Of right requests, and of wrong ones where there can be any."""
    modes = [GenerationMode.POSITIVE]
    # An id is any text: there is no path that is wrong by its form.
    if operation.body or operation.query:
        modes.append(GenerationMode.NEGATIVE)
    return [operation.as_strategy(generation_mode=mode) for mode in modes]


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as opened:
        yield opened


def test_every_answer_is_one_that_is_described(
    server: Server,
    callers: dict[str, Http],
    operations: list[list[Any]],
    session: requests.Session,
    soak: bool,
) -> None:
    examples = {role: EXAMPLES.get(role, 1) * (SOAK if soak else 1) for role in ROLES}
    seen: dict[str, set[int]] = {role: set() for role in ROLES}
    for kind in itertools.chain.from_iterable(operations):
        ask(kind, callers, session, examples=examples, seen=seen, reproducible=not soak)
    assert server.running
    assert [role for role, statuses in seen.items() if not {200, 401} <= statuses] == []
    assert {200, 201, 204, 404, 422} <= seen["admin"], "the requests did not get as far as they should"


def test_an_answer_that_is_not_described_is_found(dev: Server, session: requests.Session) -> None:
    # On the other one, made-up requests may have ended this very caller's sessions.
    document = dev.http().get("/openapi.json").json
    described = document["paths"]["/api/notifications/{id}"]["get"]["responses"]
    del described["404"]
    operation = schemathesis.openapi.from_dict(document)["/api/notifications/{id}"]["GET"]
    with pytest.raises(FailureGroup, match="Undocumented"):
        ask(st.one_of(strategies(operation)), {"a": dev.user("admin")}, session, examples={"a": 20}, seen={"a": set()})


def ask(
    kind: Any,
    clients: dict[str, Http],
    session: requests.Session,
    *,
    examples: dict[str, int],
    seen: dict[str, set[int]],
    reproducible: bool = True,
) -> None:
    """Make up requests of a kind to one route, have callers make them, and look at each answer."""
    made: Counter[str] = Counter()

    @settings(
        max_examples=max(examples.values()),
        deadline=None,
        database=None,
        derandomize=reproducible,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=kind)
    def one(case: Any) -> None:
        headers = {name: value for name, value in (case.headers or {}).items() if name.lower() not in _OURS}
        case.headers = None
        for role in [role for role in clients if made[role] < examples[role]]:
            made[role] += 1
            client = clients[role]
            credential = {"Authorization": f"Bearer {client.token}"} if client.token else {}
            credential |= {"X-API-Key": client.key} if client.key else {}
            sent = {**headers, **credential}
            response = case.call(base_url=client.url, session=session, headers=sent, timeout=PATIENCE)
            seen[role].add(response.status_code)
            case.validate_response(response, checks=CHECKS, headers=credential)

    one()


_OURS = {"authorization", "x-api-key"}
