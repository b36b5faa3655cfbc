"""Whoever applies the events in their order has what the list would give: so does the model of the pages."""

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest

from web.people import Reader

INBOX = Path(__file__).parents[2] / "src" / "tocsin" / "web" / "inbox"
TYPES = ("info", "success", "warning", "error", "emergency")

COMPARE = """
const { Inbox } = await import(`${process.argv[2]}/model.js`);
const { numberOf } = await import(`${process.argv[2]}/position.js`);
const { text } = await import("node:stream/consumers");

function compare([before, changes, now, all, query]) {
  const seen = (inbox) => inbox.items.map((item) => [item.id, item.told.title, inbox.state(item)]);
  const kept = new Inbox(query), fresh = new Inbox(query);
  kept.replace(before);
  for (const change of changes) {
    const wanted = kept.apply(change);
    // What the model asks for is read from the server, as it is by then; what was withdrawn is not there.
    const told = wanted && all.notifications.find(({ id }) => id === wanted);
    if (told) kept.put(told, numberOf(told.position));
  }
  fresh.replace(now);
  return [seen(kept), seen(fresh)];
}

console.log(JSON.stringify(JSON.parse(await text(process.stdin)).map(compare)));
"""

QUERIES: list[dict[str, Any]] = [
    {"view": "inbox", "types": [], "devices": [], "apps": [], "words": ""},
    {"view": "dismissed", "types": [], "devices": [], "apps": [], "words": ""},
    {"view": "unread", "types": ["warning", "error"], "devices": [], "apps": [], "words": ""},
    {"view": "inbox", "types": [], "devices": ["pump"], "apps": [], "words": ""},
]


@pytest.mark.parametrize("seed", range(6))
def test_events_in_order_leave_what_a_fresh_read_gives(reader: Reader, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    for at in range(12):
        send(reader, chance, at)
    before = [reader.page(limit=200, **asked(query)) for query in QUERIES]
    everything = reader.page(limit=200)
    acts(reader, chance)
    changes: list[Any] = []
    since, more = everything["position"], True
    while more:
        page = reader.changes(since=since, limit=7)
        changes += page["changes"]
        since, more = page["position"], page["more"]
    everything = reader.page(limit=200)
    cases = []
    for query, page in zip(QUERIES, before, strict=True):
        now = reader.page(limit=200, **asked(query))
        # Told twice, it is the same.
        cases += [[page, told, now, everything, query] for told in (changes, changes + changes)]
    for (kept, fresh), case in zip(compared(tmp_path, cases), cases, strict=True):
        assert kept == fresh, case[-1]


def compared(folder: Path, cases: list[Any]) -> list[Any]:
    """What the model of the pages shows of each, kept as new as the changes make it, and read afresh."""
    script = folder / "compare.mjs"
    script.write_text(COMPARE)
    ran = subprocess.run(
        ["node", str(script), INBOX.as_uri()],
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    found: list[Any] = json.loads(ran.stdout)
    return found


def asked(query: dict[str, Any]) -> dict[str, Any]:
    """The query as parameters of the list."""
    return {
        "dismissed": str(query["view"] == "dismissed").lower(),
        **({"unread": "true"} if query["view"] == "unread" else {}),
        **({"type": query["types"]} if query["types"] else {}),
        **({"deviceId": query["devices"]} if query["devices"] else {}),
    }


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
