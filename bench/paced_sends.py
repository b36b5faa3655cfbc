"""Sends one notification after another at a fixed pace and checks what each answer says."""

import json
import time

from bench.native import CannotMeasureError
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
    due = time.monotonic()
    for _ in range(sends):
        time.sleep(max(0.0, due - time.monotonic()))
        answer = admin.ask("POST", SEND_PATH, BROADCAST)
        if answer.get("recipientCount") != recipients:
            raise CannotMeasureError(f"an answer counted {answer.get('recipientCount')} of {recipients} streams")
        due += interval_seconds
