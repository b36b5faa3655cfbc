"""Whoever applies the events in their order has what the list would give: so does the model of the pages."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from web.people import Reader
from web.screen import Screen

TYPES = ("info", "success", "warning", "error", "emergency")

COMPARE = """async ([before, changes, now, query]) => {
  const place = document.querySelector("script[type=module]").src.replace("app/main.js", "");
  const { Inbox } = await import(`${place}inbox/model.js`);
  const seen = (inbox) => inbox.items.map((item) => [item.id, item.told.title, inbox.state(item)]);
  const kept = new Inbox(query), fresh = new Inbox(query);
  kept.replace(before);
  for (const change of changes) kept.apply(change);
  fresh.replace(now);
  return [seen(kept), seen(fresh)];
}"""

QUERIES = [
    {"view": "inbox", "types": [], "devices": [], "apps": [], "words": ""},
    {"view": "dismissed", "types": [], "devices": [], "apps": [], "words": ""},
    {"view": "unread", "types": ["warning", "error"], "devices": [], "apps": [], "words": ""},
    {"view": "inbox", "types": [], "devices": ["pump"], "apps": [], "words": ""},
]


@pytest.mark.parametrize("seed", range(6))
def test_events_in_order_leave_what_a_fresh_read_gives(
    reader: Reader, window: Callable[..., Screen], seed: int
) -> None:
    chance = random.Random(seed)
    for at in range(12):
        send(reader, chance, at)
    before = reader.page(limit=200)
    acts(reader, chance)
    changes: list[Any] = []
    since, more = before["position"], True
    while more:
        page = reader.changes(since=since, limit=7)
        changes += page["changes"]
        since, more = page["position"], page["more"]
    now = reader.page(limit=200)
    screen = window(reader)
    for query in QUERIES:
        kept, fresh = screen.page.evaluate(COMPARE, [before, changes, now, query])
        assert kept == fresh, query
        # Told twice, it is the same.
        kept, fresh = screen.page.evaluate(COMPARE, [before, changes + changes, now, query])
        assert kept == fresh, query


def send(reader: Reader, chance: random.Random, at: int) -> None:
    about = {"deviceId": chance.choice(["pump", "camera"])} if chance.random() < 0.6 else {}
    reader.sent(f"number {at}", type=chance.choice(TYPES[:4]), dismissible=chance.random() < 0.8, **about)


def acts(reader: Reader, chance: random.Random) -> None:
    """Forty things that a person, and those who send to them, may do."""
    for at in range(40):
        ids = [item["id"] for item in reader.inbox()]
        id_ = chance.choice(ids)
        match chance.randrange(8):
            case 0:
                send(reader, chance, 100 + at)
            case 1:
                reader.act("PUT", id_, "read")
            case 2:
                reader.act("DELETE", id_, "read")
            case 3:
                reader.act("PUT", id_, "dismissal")
            case 4:
                reader.act("DELETE", id_, "dismissal")
            case 5:
                reader.act("PUT", id_, "acknowledgement")
            case 6:
                scope = chance.choice([{}, {"type": "warning"}, {"deviceId": "pump"}])
                reader.marked(**scope)
            case 7:
                if len(ids) > 8:
                    reader.server.service().delete(f"/api/notifications/{id_}")
