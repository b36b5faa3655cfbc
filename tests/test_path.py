"""The whole path of one notification: from a curl to the eye that saw it, and past a kill -9.

Read this first. What each step does stands in `docs/path.md`; every other test looks at one step closely.
"""

import json
import re
import subprocess
import time
from collections.abc import Callable
from datetime import datetime

from harness.counts import is_count, lower_bounds
from harness.http import DEV_KEY
from harness.patience import PATIENCE
from harness.server import Server
from harness.websocket import WebSocket

NINE_KEYS = ["id", "type", "title", "message", "userId", "deviceId", "dismissible", "metadata", "timestamp"]

BODY = """{
    "type": "error",
    "title": "Action Failed",
    "message": "Failed to execute capture action: Connection timeout",
    "userId": "user123",
    "deviceId": "device456",
    "metadata": {"errorCode": "TIMEOUT", "actionName": "capture"}
}"""


def curl(server: Server, body: str) -> dict[str, object]:
    """Send by API key, the way a person at a shell does."""
    url = f"{server.url}/api/notifications/send"
    headers = ["-H", f"X-API-Key: {DEV_KEY}", "-H", "Content-Type: application/json"]
    command = ["curl", "-sS", "-X", "POST", url, *headers, "-d", body]
    done = subprocess.run(command, capture_output=True, check=True, timeout=PATIENCE)
    answer = json.loads(done.stdout)
    assert isinstance(answer, dict)
    return answer


def as_streamed(listed: str) -> str:
    """What lists say of a notification: the streamed object and, last, its places in the log and what became of it."""
    return re.sub(r',"position":"[0-9a-f]{8}-\d+","first":[^{}]*\}$', "}", listed)


def test_a_notification_is_sent_seen_kept_and_still_there_after_a_kill(start_server: Callable[..., Server]) -> None:
    server = start_server()

    # Somebody is watching.
    watcher = WebSocket(server.url, token=server.token("user123"))

    # An app sends with one HTTP call, and is told how many saw it.
    before = lower_bounds(server)
    answer = curl(server, BODY)
    assert list(answer) == ["success", "notificationId", "recipientCount"]
    assert answer["success"] is True
    assert is_count(server, int(str(answer["recipientCount"])), 1, before)

    # The person sees it live: the documented object, its nine keys in the documented order, nothing else.
    seen = watcher.recv_text()
    frame = json.loads(seen)
    assert list(frame) == NINE_KEYS
    assert frame == {
        "id": answer["notificationId"],
        "type": "error",
        "title": "Action Failed",
        "message": "Failed to execute capture action: Connection timeout",
        "userId": "user123",
        "deviceId": "device456",
        "dismissible": True,
        "metadata": {"errorCode": "TIMEOUT", "actionName": "capture"},
        "timestamp": frame["timestamp"],
    }
    assert re.fullmatch(r"notif_[0-9a-z]+", frame["id"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", frame["timestamp"])
    assert abs(datetime.fromisoformat(frame["timestamp"]).timestamp() - time.time()) < 60
    assert seen.index('"errorCode"') < seen.index('"actionName"'), "metadata keeps the order it was written in"

    # The person finds it again later, byte for byte what was streamed.
    person = server.user("user123")
    inbox = person.get("/api/notifications")
    assert [item["id"] for item in inbox.json["notifications"]] == [answer["notificationId"]]
    assert inbox.json["next"] is None
    alone = person.get(f"/api/notifications/{answer['notificationId']}")
    assert as_streamed(alone.text) == seen
    assert alone.json["read"] is None

    # The process dies without a warning, and is started again.
    server.kill()
    server.start()

    # It is still there: the same bytes, the same position.
    assert server.user("user123").get("/api/notifications").body == inbox.body
    assert server.user("user123").get(f"/api/notifications/{answer['notificationId']}").body == alone.body

    # And a stream that goes on from before it gets it, once.
    epoch, number = alone.json["position"].split("-")
    before = f"{epoch}-{int(number) - 1}"
    with WebSocket(server.url, token=server.token("user123"), since=before) as resumed:
        assert resumed.recv_text() == seen
        assert resumed.silent_for(0.3)

    # It was for user123 alone.
    assert server.user("user456").get("/api/notifications").json["notifications"] == []
    assert server.user("user456").get(f"/api/notifications/{answer['notificationId']}").status == 404
