"""What the path needs from outside. Each method states its guarantee; adapters keep it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from tocsin.app import App, AppId, Quota, Secret
from tocsin.device import Device, DeviceId
from tocsin.errors import Refusal
from tocsin.idempotency import Once
from tocsin.notification import Draft, Notification, NotificationId, Type
from tocsin.position import Epoch
from tocsin.principal import Key, KeyId, Session, SessionId, User, UserId
from tocsin.receipt import Act, Change, InboxChange, Item, State, Unread
from tocsin.whereabouts import Recipient as Recipient
from tocsin.whereabouts import SentNotification as SentNotification
from tocsin.whereabouts import Whereabouts as Whereabouts


class Clock(Protocol):
    """Time, so that tests can hold it."""

    def now(self) -> int:
        """Milliseconds UTC. May jump either way when somebody sets the clock."""
        ...

    def monotonic(self) -> float:
        """Seconds that only grow; goes on while the machine sleeps or the process is stopped."""
        ...


class Entry(msgspec.Struct):
    """One numbered change as it leaves the writer: one of its first three attributes is there.

    Attributes:
        notification: what was appended, or None.
        change: of somebody's inbox, or None.
        identity: (`user` | `key` | `session` | `app` | `secret` | `install` | `device`, id) that changed, or None.
        quota: what the sending app has left, when an app sent.
        streamed: how many streams it was written to; filled in by the fan-out.
    """

    seq: int
    notification: Notification | None = None
    change: InboxChange | None = None
    identity: tuple[str, str] | None = None
    quota: Quota | None = None
    streamed: int = 0

    @property
    def id(self) -> NotificationId:
        """The id of the notification that was appended."""
        assert self.notification is not None
        return self.notification.id


class Replay(msgspec.Struct, frozen=True):
    """What a send gave that was asked for again under its idempotency key.

    Attributes:
        entry: the first one, where it was in the same transaction.
        kept: to how many streams it was known to have gone, otherwise.
    """

    id: NotificationId
    entry: Entry | None = None
    kept: int = 0

    @property
    def streamed(self) -> int:
        """To how many streams it was written; a lower bound."""
        return self.entry.streamed if self.entry is not None else self.kept


class Span(msgspec.Struct, frozen=True):
    """What one committed transaction added: the numbers first..last and the changes that took them.

    Attributes:
        awaited: the other nodes that had streams for what is in it, when it was committed.
    """

    epoch: Epoch
    first: int
    last: int
    entries: list[Entry]
    awaited: tuple[str, ...] = ()


class Announcer(Protocol):
    """Tells streams that truth moved. May lose, repeat or reorder across nodes; the log heals that."""

    def announce(self, span: Span) -> None:
        """Tell it on. Called once for each commit of this node, in commit order, after the commit."""
        ...


class Page(msgspec.Struct, frozen=True):
    """A page of what changed for somebody, read in one snapshot.

    Attributes:
        changes: in order of their numbers.
        upto: everything up to this number is in the page.
        head: the last number in the log when the page was read.
        full: the page filled its limit: there is more between `upto` and the head.
        floor: something of theirs with a number up to this one is gone for good; 0 when nothing is.
        told: what its readers have made of it, by form: several who ask for the same share a page.
    """

    changes: list[Change]
    upto: int
    head: int
    full: bool
    floor: int = 0
    told: dict[object, list[bytes]] = msgspec.field(default_factory=dict)


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which notifications of an inbox are asked for; what is None does not matter.

    Attributes:
        types, devices, apps, groups: any of these.
        unread, dismissed: whether it is.
        from_, to: created in [from, to), milliseconds UTC.
        words: what title and message must hold, as the person wrote it.
        signs: those of the words that no index has, such as emoji; stores find them out.
    """

    types: frozenset[Type] | None = None
    devices: frozenset[DeviceId] | None = None
    apps: frozenset[AppId] | None = None
    groups: frozenset[str] | None = None
    unread: bool | None = None
    dismissed: bool | None = None
    from_: int | None = None
    to: int | None = None
    words: str | None = None
    signs: frozenset[str] | None = None


EVERYTHING = Wanted()


class InboxPage(msgspec.Struct, frozen=True):
    """A page of an inbox, newest first, read in one snapshot.

    Attributes:
        next: what `before` of the following page is; None on the last. A page may be short, even empty,
            and have a next one: one request looks through a bounded number of notifications.
        head: the last number in the log when it was read.
    """

    items: list[Item]
    next: int | None
    head: int


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Who did what to which thing, from where, and how it ended. Holds no secret.

    Attributes:
        at: milliseconds UTC.
        result: `done`, or the code of the refusal.
    """

    at: int
    who: str
    action: str
    what: str
    origin: str
    result: str = "done"


SESSIONS_KEPT = 100
"""Most sessions of one user."""


class Store(Protocol):
    """Durable truth.

    Every write resolves only after its transaction is on disk and announced; it raises Unavailable when
    the store cannot take it. A write that changes identity takes a number of the log, too.
    """

    @property
    def epoch(self) -> Epoch: ...

    @property
    def head(self) -> int:
        """The last number committed by this process, or found at its start."""
        ...

    async def append(self, draft: Draft) -> Entry | Replay:
        """Keep a notification; under an idempotency key that was used, answer what it gave the first time.

        Raises:
            UsedKey: the key was used for another request.
            NotFound: the audience went away meanwhile. TooMany: the app's quota is used up.
            Unavailable: not kept, or (outcome_unknown) perhaps kept.
        """
        ...

    async def replay(self, once: Once, now: int) -> Replay | None:
        """What that send gave, when it was kept before.

        Parameters:
            now: milliseconds UTC.

        Raises:
            UsedKey: the key was used for another request.
        """
        ...

    async def quota(self, app: App, user: UserId, now: int) -> Quota:
        """What an app has left to send to a user, at `now` in milliseconds UTC."""
        ...

    async def append_all(
        self, drafts: Sequence[Draft | Refusal], once: Once | None, now: int, *, whole: bool
    ) -> Sequence[Entry | Replay | Refusal]:
        """Keep many notifications; the same again under an idempotency key keeps only what was not kept yet.

        Parameters:
            drafts: in the order in which they take their numbers, without `once` and `quota` of their own; what
                was refused before it came here keeps its place, so that it is remembered with the others.
            now: milliseconds UTC.
            whole: all of them or none; at most 1,000.

        Returns:
            For each of them what was kept now, or earlier under the key, or why it was not. With `whole`, one that
            is refused withholds all. Where the store fails half-way, the rest is Unavailable.

        Raises:
            UsedKey: the key was used for another request. Unavailable: as `append`, and nothing was kept before.
        """
        ...

    async def changes(self, user: UserId | None, devices: frozenset[DeviceId] | None, since: int, limit: int) -> Page:
        """What changed for a user (None: broadcasts only) after a number, oldest first.

        Parameters:
            devices: only what is about these, or None for all.
            limit: most changes of a kind in the page.
        """
        ...

    async def inbox(self, user: UserId, wanted: Wanted, before: int | None, limit: int) -> InboxPage:
        """A user's own notifications and the broadcasts since they joined, newest first."""
        ...

    async def notification(self, user: UserId, id_: NotificationId) -> Item | None:
        """One of that user's notifications, or None when there is none or it is not theirs."""
        ...

    async def unread(self, user: UserId) -> Unread:
        """How many notifications that user has not read: exact, and at a cost that does not grow."""
        ...

    async def act(self, user: UserId, id_: NotificationId, act: Act, now: int) -> State:
        """Note what a user did with a notification; done twice, nothing changes.

        Parameters:
            now: milliseconds UTC.

        Raises:
            NotFound: there is none, or it is not theirs. Conflict: it must be acknowledged first.
        """
        ...

    async def mark(
        self, user: UserId, upto: int | None, type_: Type | None, device: DeviceId | None, now: int
    ) -> tuple[int, Unread]:
        """Mark everything up to a number (None: the head) as read, of one type or all, about one device or all.

        Returns:
            Up to where it reaches, and what is unread then.

        Raises:
            Invalid: a number that the log has not given out.
        """
        ...

    async def confirm(self, user: UserId, began: int, upto: int, now: int) -> None:
        """A stream of that user has brought everything after one number up to another, and says so.

        Where something of theirs lies between what was confirmed before and where the stream began, that stays
        unconfirmed until a stream brings it. What was confirmed keeps the time at which it first was.
        """
        ...

    async def whereabouts(self, id_: NotificationId, before: str | None, limit: int) -> Whereabouts | None:
        """What became of a notification; None when there is none."""
        ...

    async def sent(self, before: int | None, after: int, limit: int) -> list[SentNotification]:
        """What was sent by anybody to anybody, created between two numbers (both left out), newest first."""
        ...

    async def withdraw(self, id_: NotificationId, now: int, audit: AuditEntry | None) -> None:
        """Take a notification back, everywhere; done twice, nothing changes.

        Parameters:
            audit: where it is done by somebody else than its sender.

        Raises:
            NotFound: there is none.
        """
        ...

    # identity: reads answer the committed state. A list is in order of ids, those after `before`, at most `limit`;
    # a put creates or replaces; a delete says whether there was anything to delete.
    async def user(self, id_: UserId) -> User | None: ...
    async def users(self, before: str | None, limit: int) -> list[User]: ...
    async def count_users(self) -> int: ...
    async def put_user(self, user: User, audit: AuditEntry, *, replace: bool = True) -> User:
        """Create or replace; with `replace` off, a user who is there already stays as they are.

        `joined` is kept, or set to the head for a new user, whose `tokens_after` is at least now.

        Returns:
            The user as they are now.
        """
        ...

    async def delete_user(self, id_: UserId, audit: AuditEntry) -> bool:
        """Remove the user with their notifications, keys, sessions and installs. False when there was none."""
        ...

    async def key(self, id_: KeyId) -> Key | None: ...
    async def keys(self, before: str | None, limit: int) -> list[Key]: ...
    async def put_key(self, key: Key, audit: AuditEntry) -> None: ...
    async def delete_key(self, id_: KeyId, audit: AuditEntry) -> bool: ...

    async def session(self, id_: SessionId) -> Session | None: ...
    async def put_session(self, session: Session, now: int, audit: AuditEntry | None) -> None:
        """Keep a new session.

        In the same transaction the user's sessions over SESSIONS_KEPT go, those that end first, and so do some of
        anybody's that had ended by now, milliseconds UTC. Only those that had not ended take a number for it.
        """
        ...

    async def prolong_session(self, id_: SessionId, expires_at: int) -> bool:
        """Set until when a session holds; False when there is none: one that was ended stays ended."""
        ...

    async def delete_session(self, id_: SessionId, audit: AuditEntry | None) -> bool: ...

    async def app(self, id_: AppId) -> App | None: ...
    async def apps(self, before: str | None, limit: int) -> list[App]: ...
    async def put_app(self, app: App, audit: AuditEntry) -> None:
        """Create or replace an app; `joined` is kept, or set to the head for a new one."""

    async def delete_app(self, id_: AppId, audit: AuditEntry) -> bool: ...
    async def secret(self, id_: str) -> Secret | None: ...
    async def secrets(self, app: AppId) -> list[Secret]: ...
    async def put_secret(self, secret: Secret, audit: AuditEntry) -> None: ...
    async def delete_secret(self, app: AppId, id_: str, audit: AuditEntry) -> bool: ...
    async def installed(self, app: AppId, user: UserId) -> bool:
        """Whether the user exists and has the app: by an install, or for all and not uninstalled."""
        ...

    async def users_of_app(self, app: AppId, before: str | None, limit: int) -> list[UserId]:
        """Who has an app, as `installed` says, by id; those after `before`."""
        ...

    async def apps_of_user(self, user: UserId, before: str | None, limit: int) -> list[AppId]:
        """What a user has, as `installed` says, by id; those after `before`."""
        ...

    async def put_install(self, app: AppId, user: UserId, audit: AuditEntry) -> None: ...
    async def delete_install(self, app: AppId, user: UserId, audit: AuditEntry) -> None: ...

    async def device(self, id_: DeviceId) -> Device | None: ...
    async def devices(self, before: str | None, limit: int) -> list[Device]: ...
    async def put_device(self, device: Device, audit: AuditEntry) -> None: ...
    async def delete_device(self, id_: DeviceId, audit: AuditEntry) -> bool: ...

    async def record(self, audit: AuditEntry) -> None:
        """Add to the audit log something that changed nothing (a refusal, a sign-in)."""
        ...

    async def audits(self, before: int | None, limit: int) -> list[tuple[int, AuditEntry]]:
        """The audit log, newest first, each with its number in it."""
        ...

    async def setting(self, name: str, default: Callable[[], str]) -> str:
        """A value kept with the store (such as the signing key); made by `default` where there is none."""
        ...

    def troubles(self) -> Sequence[str]:
        """Why the store cannot take writes now; empty when it can."""
        ...

    async def close(self) -> None:
        """Commit what is queued, then let go of the files."""
        ...
