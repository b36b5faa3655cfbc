"""The whole URL table: path, request, answers, permission. OpenAPI is read off it."""

from __future__ import annotations

from collections.abc import Mapping

from tocsin import wire
from tocsin.api import (
    apps,
    asyncapi,
    audit,
    backup,
    batch,
    changes,
    devices,
    docs,
    figures,
    health,
    inbox,
    installs,
    keys,
    names,
    openapi,
    own_password,
    pages,
    refusals,
    send,
    sent,
    session,
    sign_in,
    state,
    stream,
    streams,
    whereabouts,
)
from tocsin.api import users as people
from tocsin.api.endpoint import Handler, Route, Who

_MANY = "; repeatable: any of them."
_INBOX = {
    "limit": "How many, 1 to 200; 50 unless given.",
    "before": "What the page before gave as `next`, or any position. Go on while there is a `next`: where filters let "
    "little through, a page may hold few or none, and there is more.",
    "type": "Of this severity" + _MANY,
    "deviceId": "About this device" + _MANY,
    "appId": "Of this app" + _MANY,
    "group": "Of this group" + _MANY,
    "unread": "`true`: not read; `false`: read.",
    "dismissed": "`true` or `false`.",
    "from": "Created at this time or after it, RFC 3339, by what the server's clock said then.",
    "to": "Created before this time, RFC 3339, by what the server's clock said then.",
    "q": 'Words that title or message hold, each from its beginning; "several" in quotes as they stand.',
}
_PAGE = {"limit": "How many, 1 to 200; 50 unless given.", "before": "What the page before gave as `next`."}


def _row(
    who: Who,
    line: str,
    handler: Handler,
    says: str,
    *,
    takes: type | None = None,
    gives: tuple[int, type | None] = (200, None),
    also: tuple[int, ...] = (),
    kinds: tuple[str, ...] = (),
    refuses: tuple[int, ...] = (),
    asks: Mapping[str, str] | None = None,
) -> Route:
    """A route whose errors are problem details.

    Parameters:
        line: method and path.
        others: as in Route.
    """
    method, path = line.split()
    return Route(
        method=method,
        path=path,
        handler=handler,
        who=who,
        says=says,
        takes=takes,
        gives=gives,
        also=also,
        kinds=kinds,
        refuses=refuses,
        asks=asks or {},
    )


ROUTES: list[Route] = [
    Route(
        method="POST",
        path="/api/notifications/send",
        handler=send.send,
        who=Who.SENDER,
        takes=wire.SendBody,
        gives=(200, wire.Sent),
        refuses=(404, 500),
        once=True,
        documented=True,
        failure="Failed to send notification",
        says="Send a notification to a user, or as a superuser to everyone",
    ),
    Route(
        method="POST",
        path=batch.BATCH_ROUTE,
        handler=batch.send_batch,
        who=Who.SENDER,
        takes=list[wire.SendBody],
        gives=(200, wire.BatchSent),
        once=True,
        asks={"whole": "`true`: all of them or none, and at most 1,000. `false` unless given."},
        says="Send up to 10,000 notifications, each of which is answered for by itself",
    ),
    Route(
        method="POST",
        path=send.APP_ROUTE,
        handler=send.send_as_app,
        who=Who.APP,
        gives=(200, wire.AppSent),
        refuses=(404, 429, 500),
        once=True,
        asks={
            "uid": "The user to send to.",
            "message": "The text, UTF-8; as it stands in the URL, percent-encoded, which may have 8 KiB in all.",
        },
        documented=True,
        unauthenticated="Unauthorized",
        failure="Server error",
        says="Send a text to a user who installed the app",
    ),
    Route(
        method="GET",
        path="/notifications",
        handler=stream.stream,
        who=Who.ANYBODY,
        kinds=("text/event-stream", "application/x-ndjson"),
        refuses=(401, 403, 406, 429, 503),
        asks={
            "since": "Resume right after this position (as does `Last-Event-ID`).",
            "deviceId": "Only notifications about this device; repeatable.",
            "protocol": "`tocsin.v1`: every event in an envelope.",
            "token": "A JWT, for clients that cannot set headers.",
            "ticket": "A single-use ticket, for clients that cannot set headers.",
            "auth": "`frame`: the first frame of the WebSocket brings the credential; a session cookie does not count.",
        },
        documented=True,
        says="Watch notifications as they come: WebSocket, Server-Sent Events or NDJSON",
    ),
]

_user, _admin, _open, _holder = Who.USER, Who.SUPERUSER, Who.ANYBODY, Who.HOLDER

# fmt: off
ROUTES += [
    _row(_user, "GET /api/notifications", inbox.list_notifications,
         "One's own notifications and broadcasts, newest first", gives=(200, wire.Inbox), asks=_INBOX),
    _row(_user, "GET /api/notifications/unread", inbox.count_unread,
         "How many are unread", gives=(200, wire.UnreadTold)),
    _row(_user, "POST /api/notifications/read-all", state.read_all,
         "Mark as read: all, or up to a position, of a type, about a device",
         takes=state.ReadAllBody, gives=(200, state.AllRead)),
    _row(_user, "GET /api/notifications/{id}", inbox.get_notification,
         "One notification", gives=(200, wire.InboxItem), refuses=(404,)),
    _row(_holder, "DELETE /api/notifications/{id}", whereabouts.withdraw,
         "Take a notification back, for who sent it", gives=(204, None), refuses=(404,)),
    _row(_holder, "GET /api/notifications/{id}/receipts", whereabouts.list_receipts,
         "What became of a notification, for who sent it", gives=(200, whereabouts.Receipts), refuses=(404,),
         asks=_PAGE),
    _row(_user, "PUT /api/notifications/{id}/read", state.read,
         "Read it", gives=(200, wire.StateTold), refuses=(404,)),
    _row(_user, "DELETE /api/notifications/{id}/read", state.unread,
         "Make it unread again", gives=(200, wire.StateTold), refuses=(404,)),
    _row(_user, "PUT /api/notifications/{id}/dismissal", state.dismiss,
         "Dismiss it", gives=(200, wire.StateTold), refuses=(404, 409)),
    _row(_user, "DELETE /api/notifications/{id}/dismissal", state.undismiss,
         "Take the dismissal back", gives=(200, wire.StateTold), refuses=(404,)),
    _row(_user, "PUT /api/notifications/{id}/acknowledgement", state.acknowledge,
         "Acknowledge it", gives=(200, wire.StateTold), refuses=(404,)),
    _row(_user, "GET /api/names", names.list_names,
         "Names of devices and apps that one has notifications about", gives=(200, names.Names),
         asks={"id": "What this notification is about; repeatable.",
               "deviceId": "A device, where one of one's newest 5,000 notifications is about it; repeatable.",
               "appId": "An app, where one of one's newest 5,000 notifications is from it; repeatable."}),
    _row(_user, "GET /api/changes", changes.list_changes,
         "What a stream would have told since a position", gives=(200, changes.Changes), refuses=(400,),
         asks={"since": "A position; without one, only the position of now is answered.",
               "limit": "How many of a kind, 1 to 200; 50 unless given.",
               "deviceId": "Only what is about this device; repeatable."}),

    _row(_open, "POST /api/auth/login", sign_in.login,
         "Sign in", takes=sign_in.LoginBody, gives=(200, sign_in.SignedIn), refuses=(401, 429, 503)),
    _row(_user, "GET /api/auth/me", sign_in.me, "Who is signed in", gives=(200, sign_in.Me)),
    _row(_user, "POST /api/auth/ticket", sign_in.make_ticket,
         "A ticket that opens one stream within a minute", gives=(201, sign_in.Ticket), refuses=(429,)),
    _row(_user, "PUT /api/auth/password", own_password.change_password,
         "Change one's password; all other tokens and sessions end",
         takes=own_password.PasswordBody, gives=(200, sign_in.SignedIn), refuses=(409, 429)),
    _row(_open, "POST /api/session", session.sign_in, "Sign in with a browser: sets the session cookie",
         takes=sign_in.LoginBody, gives=(201, session.SessionTold), refuses=(401, 403, 429, 503)),
    _row(_open, "GET /api/session", session.look, "Who is signed in, and until when",
         gives=(200, session.SessionTold), refuses=(401, 403, 503),
         asks={"optional": "`true`: where no credential comes along, `user` is null instead of a refusal."}),
    _row(_user, "DELETE /api/session", session.sign_out, "Sign out", gives=(204, None)),
    _row(_user, "DELETE /api/sessions", session.sign_out_everywhere,
         "Sign out everywhere: all sessions and tokens end, API keys stay", gives=(204, None), refuses=(409,)),

    _row(_admin, "GET /api/users", people.list_users, "Users, by id", gives=(200, people.Users), asks=_PAGE),
    _row(_admin, "GET /api/users/{id}", people.get_user, "One user", gives=(200, people.UserItem), refuses=(404,)),
    _row(_admin, "PUT /api/users/{id}", people.put_user,
         "Create or replace a user; without a password the old one stays",
         takes=people.UserBody, gives=(200, people.UserItem), also=(201,), refuses=(404, 409, 429)),
    _row(_admin, "GET /api/users/{id}/installs", installs.list_of_user,
         "The apps that a user has, by id", gives=(200, installs.Installs), refuses=(404,), asks=_PAGE),
    _row(_admin, "DELETE /api/users/{id}", people.delete_user,
         "Delete a user with their notifications, keys and installs", gives=(204, None), refuses=(404, 409)),

    _row(_admin, "GET /api/keys", keys.list_keys, "API keys, by id", gives=(200, keys.Keys), asks=_PAGE),
    _row(_admin, "POST /api/keys", keys.make, "Make an API key, shown this once",
         takes=keys.KeyBody, gives=(201, keys.NewKey), refuses=(404,)),
    _row(_admin, "DELETE /api/keys/{id}", keys.delete_key, "Revoke an API key", gives=(204, None), refuses=(404,)),

    _row(_admin, "GET /api/apps", apps.list_apps, "Apps, by id", gives=(200, apps.Apps), asks=_PAGE),
    _row(_admin, "GET /api/apps/{id}", apps.get_app, "One app", gives=(200, apps.AppItem), refuses=(404,)),
    _row(_admin, "PUT /api/apps/{id}", apps.put_app, "Create or replace an app",
         takes=apps.AppBody, gives=(200, apps.AppItem), also=(201,), refuses=(404,)),
    _row(_admin, "DELETE /api/apps/{id}", apps.delete_app,
         "Delete an app with its secrets and installs", gives=(204, None), refuses=(404,)),
    _row(_admin, "GET /api/apps/{id}/secrets", apps.list_secrets,
         "The ids of an app's secrets", gives=(200, apps.Secrets), refuses=(404,)),
    _row(_admin, "POST /api/apps/{id}/secrets", apps.make_secret,
         "Make a secret, shown this once; earlier ones go on holding", gives=(201, apps.NewSecret), refuses=(404, 409)),
    _row(_admin, "DELETE /api/apps/{id}/secrets/{secretId}", apps.delete_secret,
         "Revoke a secret", gives=(204, None), refuses=(404,)),
    _row(_admin, "GET /api/apps/{id}/installs", installs.list_of_app,
         "Who has an app, by id", gives=(200, installs.Installs), refuses=(404,), asks=_PAGE),
    _row(_admin, "PUT /api/apps/{id}/installs/{userId}", installs.install_for,
         "Install an app for a user", gives=(204, None), refuses=(404,)),
    _row(_admin, "DELETE /api/apps/{id}/installs/{userId}", installs.uninstall_for,
         "Uninstall an app for a user", gives=(204, None), refuses=(404,)),
    _row(_user, "PUT /api/apps/{id}/install", installs.install,
         "Install an app for oneself", gives=(204, None), refuses=(404,)),
    _row(_user, "DELETE /api/apps/{id}/install", installs.uninstall,
         "Uninstall an app for oneself", gives=(204, None), refuses=(404,)),

    _row(_admin, "GET /api/devices", devices.list_devices, "Devices, by id", gives=(200, devices.Devices), asks=_PAGE),
    _row(_admin, "GET /api/devices/{id}", devices.get_device,
         "One device", gives=(200, devices.DeviceItem), refuses=(404,)),
    _row(_admin, "PUT /api/devices/{id}", devices.put_device, "Create or replace a device",
         takes=devices.DeviceBody, gives=(200, devices.DeviceItem), also=(201,), refuses=(404,)),
    _row(_admin, "DELETE /api/devices/{id}", devices.delete_device,
         "Delete a device's name", gives=(204, None), refuses=(404,)),

    _row(_admin, "GET /api/sent", sent.list_sent, "What was sent by anybody to anybody, newest first",
         gives=(200, sent.SentPage),
         asks={"limit": _PAGE["limit"], "before": "What the page before gave as `next`, or any position.",
               "after": "A position: only what was sent after it."}),
    _row(_admin, "GET /api/streams", streams.list_streams, "The streams open now, newest first",
         gives=(200, streams.Streams), asks=_PAGE),
    _row(_admin, "GET /api/audience", streams.count_audience, "How many users and streams a send would reach now",
         gives=(200, streams.Audience), refuses=(404,),
         asks={"userId": "To this user; without one, to everyone.", "deviceId": "About this device."}),
    _row(_admin, "GET /api/figures", figures.list_figures,
         "How much was sent and how fast, minute by minute, on this node since it started",
         gives=(200, figures.Figures), asks={"span": "`hour`, by the minute, or `day`, by ten; `hour` unless given."}),
    _row(_admin, "GET /api/refusals", refusals.list_refusals,
         "Sends that were refused lately on all nodes, newest first", gives=(200, refusals.Refusals),
         asks={**_PAGE, "userId": "Only those to this user, or by them."}),
    _row(_admin, "GET /api/audit", audit.list_audit,
         "Who did what, from where, and how it ended; newest first", gives=(200, audit.Audit), asks=_PAGE),
    _row(_admin, "POST /api/backup", backup.back_up,
         "The whole database as one SQLite file, every secret in it", kinds=(backup.SQLITE,), refuses=(409, 503)),

    _row(_open, "GET /healthz", health.health, "Whether the process is alive", gives=(200, health.Health)),
    _row(_open, "GET /readyz", health.readiness, "Whether it should get traffic; 503 with reasons when not",
         gives=(200, health.Readiness), also=(503,)),
    _row(_open, "GET /metrics", health.metrics,
         "Figures for Prometheus", kinds=("text/plain",), refuses=(401, 403, 503)),
    _row(_open, "GET /openapi.json", openapi.serving(ROUTES), "This API as OpenAPI 3.1", kinds=("application/json",)),
    _row(_open, "GET /asyncapi.json", asyncapi.stream_document,
         "The stream as AsyncAPI 3.0", kinds=("application/json",)),
    _row(_open, "GET /", pages.home, "The inbox", kinds=("text/html",), also=(304, 307)),
    _row(_open, "GET /admin", pages.admin, "The admin pages", kinds=("text/html",), also=(304,), refuses=(404,)),
    _row(_open, "GET /demo", pages.demo, "The elements in a page of somebody else's",
         kinds=("text/html",), also=(304,), refuses=(404,)),
    _row(_open, "GET /worker.js", pages.worker, "The service worker of these pages",
         kinds=("text/javascript",), also=(304,), refuses=(404,)),
    _row(_open, "GET /manifest.webmanifest", pages.manifest, "What makes them installable",
         kinds=("application/manifest+json",), also=(304,), refuses=(404,)),
    _row(_open, "GET /element.js", pages.element, "The inbox as an element for pages of others: always the newest",
         kinds=("text/javascript",), also=(304,), refuses=(404,)),
    _row(_open, "GET /client.js", pages.client, "The JavaScript client, as a module: always the newest",
         kinds=("text/javascript",), also=(304,), refuses=(404,)),
    _row(_open, "GET /assets/{version}/{path:path}", pages.web_file, "A file of these pages, which never changes",
         kinds=("text/javascript", "text/css", "image/svg+xml", "application/json"), also=(304,), refuses=(404,)),
    _row(_open, "GET /docs", docs.page, "This API as a page", kinds=("text/html",)),
    _row(_open, "GET /docs/{asset}", docs.asset, "What that page is made of",
         kinds=("text/javascript", "text/css"), refuses=(404,)),
]
# fmt: on


def by_path() -> dict[str, dict[str, Route]]:
    """The table by path and method."""
    found: dict[str, dict[str, Route]] = {}
    for route in ROUTES:
        found.setdefault(route.path, {})[route.method] = route
    return found
