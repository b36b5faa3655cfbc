"""Sends one notification after another at a fixed pace and checks what each answer says."""

import http.client
import json
import time
from collections.abc import Callable

from bench.native import CannotMeasureError
from bench.peers.peer import Running
from bench.server_process import SEND_PATH, Admin

# As the document's own "Action Failed" example, its message long enough for a flat frame of about 330 bytes.
BROADCAST = {
    "type": "error",
    "title": "Action Failed",
    "message": "bench-mark: failed to execute the capture action: connection timeout on line 7",
    "deviceId": "device123",
    "dismissible": True,
    "metadata": {"actionName": "capture", "errorCode": "TIMEOUT"},
}
BROADCAST_TEXT = json.dumps(BROADCAST, separators=(",", ":"))


def send_paced(admin: Admin, sends: int, interval_seconds: float, recipients: int) -> None:
    """Broadcast `sends` times, one due each `interval_seconds`.

    Raises CannotMeasureError when an answer is no 2xx or counts other than `recipients` streams.
    """

    def send() -> None:
        answer = admin.ask("POST", SEND_PATH, BROADCAST)
        if answer.get("recipientCount") != recipients:
            raise CannotMeasureError(f"an answer counted {answer.get('recipientCount')} of {recipients} streams")

    _paced(send, sends, interval_seconds)


def send_to_peer(peer: Running, sends: int, interval_seconds: float) -> None:
    """Send `sends` times what all of the peer's streams see, over one connection, one due each `interval_seconds`.

    Raises CannotMeasureError when an answer is no 2xx.
    """
    connection = http.client.HTTPConnection("127.0.0.1", peer.server.port, timeout=30)
    name, _, value = peer.everyone.send_header.partition(": ")
    headers = {"Content-Type": peer.content_type} | ({name: value} if name else {})

    def send() -> None:
        connection.request("POST", peer.everyone.send_path, peer.everyone.body, headers)
        response = connection.getresponse()
        text = response.read()
        if response.status // 100 != 2:
            raise CannotMeasureError(f"a send was answered {response.status}: {text[:200]!r}")

    try:
        _paced(send, sends, interval_seconds)
    finally:
        connection.close()


def _paced(send: Callable[[], None], sends: int, interval_seconds: float) -> None:
    due = time.monotonic()
    for _ in range(sends):
        time.sleep(max(0.0, due - time.monotonic()))
        send()
        due += interval_seconds
