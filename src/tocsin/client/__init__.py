"""The Python client: send, list, and watch without missing or repeating anything.

from tocsin.client import Client

with Client("http://127.0.0.1:8000", "tsn_…") as client:
    client.send("Door open", "The back door has been open for ten minutes", type="warning")
    for notification in client.stream():
        print(notification.title)
"""

from tocsin.client.blocking import Client
from tocsin.client.errors import ClientError, Forbidden, NotFound, Refused, StreamEnded, Unauthenticated, Unreachable
from tocsin.client.notification import Event, Notification, Sent

__all__ = [
    "Client",
    "ClientError",
    "Event",
    "Forbidden",
    "NotFound",
    "Notification",
    "Refused",
    "Sent",
    "StreamEnded",
    "Unauthenticated",
    "Unreachable",
]
