"""Requests made up from /openapi.json, by every role: none may make a 5xx, or an answer that is not described there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
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
"""Requests of each kind to each route; one for the other roles, whom most routes turn away before reading anything."""

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


@pytest.mark.parametrize("role", ROLES)
def test_every_answer_is_one_that_is_described(
    server: Server,
    callers: dict[str, Http],
    operations: list[list[Any]],
    session: requests.Session,
    role: str,
    soak: bool,
) -> None:
    examples = EXAMPLES.get(role, 1) * (SOAK if soak else 1)
    seen: set[int] = set()
    for operation in operations:
        seen |= ask(operation, callers[role], session, examples=examples, reproducible=not soak)
    assert server.running
    assert {200, 401} <= seen
    if role == "admin":
        assert {200, 201, 204, 404, 422} <= seen, "the requests did not get as far as they should"


def test_an_answer_that_is_not_described_is_found(dev: Server, session: requests.Session) -> None:
    # On the other one, made-up requests may have ended this very caller's sessions.
    document = dev.http().get("/openapi.json").json
    described = document["paths"]["/api/notifications/{id}"]["get"]["responses"]
    del described["404"]
    operation = schemathesis.openapi.from_dict(document)["/api/notifications/{id}"]["GET"]
    with pytest.raises(FailureGroup, match="Undocumented"):
        ask(strategies(operation), dev.user("admin"), session, examples=20, reproducible=True)


def ask(kinds: list[Any], client: Http, session: requests.Session, *, examples: int, reproducible: bool) -> set[int]:
    """Make up requests to one route, right and wrong ones, and look at each answer; the statuses that came."""
    credential = {"Authorization": f"Bearer {client.token}"} if client.token else {}
    credential |= {"X-API-Key": client.key} if client.key else {}
    seen: set[int] = set()
    for kind in kinds:

        @settings(
            max_examples=examples,
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
            response = case.call(
                base_url=client.url, session=session, headers={**headers, **credential}, timeout=PATIENCE
            )
            seen.add(response.status_code)
            case.validate_response(response, checks=CHECKS, headers=credential)

        one()
    return seen


_OURS = {"authorization", "x-api-key"}
