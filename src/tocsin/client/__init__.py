"""The Python client: send, list, act, and watch without missing or repeating anything.

from tocsin.client import Client

with Client("http://127.0.0.1:8000", "tsn_…") as client:
    client.send("Door open", "The back door has been open for ten minutes", type="warning")
    for notification in client.stream():
        print(notification.title)

`AsyncClient` is the same for asyncio. `Inbox` holds what a reader has before them, kept up to date by a stream.
"""

from tocsin.client.answer import AllRead, Changes, Outcome, Page, Receipts, Recipient, Sent, State
from tocsin.client.asynchronous import AsyncClient
from tocsin.client.asynchronous_stream import AsyncStream
from tocsin.client.blocking import Client
from tocsin.client.blocking_stream import Stream
from tocsin.client.errors import (
    ClientError,
    Forbidden,
    NotFound,
    Refused,
    StreamEnded,
    Unauthenticated,
    Unreachable,
    WholeRefused,
)
from tocsin.client.event import CaughtUp, Event, Gap, Mark, Purged, Receipt, Unread, Withdrawn
from tocsin.client.inbox import Inbox
from tocsin.client.notification import Notification

__all__ = [
    "AllRead",
    "AsyncClient",
    "AsyncStream",
    "CaughtUp",
    "Changes",
    "Client",
    "ClientError",
    "Event",
    "Forbidden",
    "Gap",
    "Inbox",
    "Mark",
    "NotFound",
    "Notification",
    "Outcome",
    "Page",
    "Purged",
    "Receipt",
    "Receipts",
    "Recipient",
    "Refused",
    "Sent",
    "State",
    "Stream",
    "StreamEnded",
    "Unauthenticated",
    "Unreachable",
    "Unread",
    "WholeRefused",
    "Withdrawn",
]
