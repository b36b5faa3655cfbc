"""No body gives a 5xx: what is accepted can be read back, what is not is refused with a sentence."""

import json
import time
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.http import SEND, Http
from harness.server import Server

SECONDS = 20.0
"""For each of the two searches; the soak has no end but its number of examples."""

texts = st.text(max_size=40) | st.text(alphabet=st.characters(exclude_categories=()), max_size=10)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=12,
)
NAMES = ["title", "message", "type", "userId", "deviceId", "dismissible", "metadata", "url", "icon", "tags", "group"]
NAMES += ["appId", "actions", "collapseKey", "sendAt", "expiresAt", "format"]
objects = st.dictionaries(st.sampled_from(NAMES) | texts, values, max_size=6)
likely = st.builds(
    lambda body, more: {"title": "t", "message": "m", "userId": "user456", **more, **body},
    objects,
    st.sampled_from([{}, {"metadata": {"a": 1}}, {"tags": ["a"]}]),
)
ENCODINGS = ["utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-32", "latin-1"]


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Valid, nearly valid and mangled JSON in several encodings, and plain noise."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=200))
    text = json.dumps(draw(objects | likely), ensure_ascii=draw(st.booleans()), indent=draw(st.none() | st.just(1)))
    encoding = draw(st.sampled_from(ENCODINGS))
    body = text.encode(encoding, "surrogatepass" if encoding.startswith("utf") else "replace")
    if draw(st.integers(0, 3)) == 0:
        at = draw(st.integers(0, len(body)))
        body = body[:at] + draw(st.binary(max_size=3)) + body[at + draw(st.integers(0, 3)) :]
    return body


def search(client: Http, server: Server, *, examples: int, seconds: float | None) -> None:
    kept = server.user("user456")
    kept.keep = True
    until = None if seconds is None else time.monotonic() + seconds

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(bodies())
    def look(body: bytes) -> None:
        if until is not None and time.monotonic() > until:
            return
        answer = client.request("POST", SEND, body=body, headers={"Content-Type": "application/json"})
        assert answer.status in (200, 400, 403, 404, 422), (answer.status, body)
        if answer.status == 200:
            found = kept.get(f"/api/notifications/{answer.json['notificationId']}")
            assert found.status == 200, body
            assert found.json["id"] == answer.json["notificationId"]
        else:
            assert list(answer.json) == ["error"], body

    look()


def test_no_body_of_a_superuser_makes_a_5xx(dev: Server, soak: bool) -> None:
    client = dev.service()
    client.keep = True
    search(client, dev, examples=50_000 if soak else 150, seconds=None if soak else SECONDS)


def test_no_body_of_a_regular_user_makes_a_5xx(dev: Server, soak: bool) -> None:
    client = dev.user("user456")
    client.keep = True
    search(client, dev, examples=20_000 if soak else 80, seconds=None if soak else SECONDS / 2)
