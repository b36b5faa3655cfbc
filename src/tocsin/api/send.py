"""The two documented ways to send."""

from __future__ import annotations

from contextlib import suppress

from tocsin import wire
from tocsin.api.answer import Answer, Headers, ok, refused, status_of
from tocsin.api.call import Call
from tocsin.app import Quota
from tocsin.errors import Invalid, NotFound, TooMany, Unauthenticated, Unavailable
from tocsin.path.accept import draft_of, draft_of_text, read_send
from tocsin.ports import Entry, Replay

APP_ROUTE = "/v2/integrations/{app_id}/notification"

_REPLAYED: Headers = [(b"idempotency-replayed", b"true")]


async def send(call: Call) -> Answer:
    """`POST /api/notifications/send`."""
    authorize, principal = call.parts.authorize, call.principal
    raw = await call.body()
    form = read_send(raw)
    call.wanted = form.user_id
    app = await authorize.in_name_of(principal, form.app_id)
    now = call.parts.clock.now()
    once = call.once(principal, "send", raw)
    call.seeing()
    kept: Entry | Replay | None = await call.parts.store.replay(once, now) if once is not None else None
    if kept is None:
        user = await authorize.audience(principal, form.user_id)
        draft = draft_of(form, raw, principal=principal, user=user, app=app, now=now, once=once)
        kept = await call.parts.store.append(draft)
    sent = wire.Sent(success=True, notification_id=kept.id, recipient_count=kept.streamed)
    return ok(sent, headers=_REPLAYED if isinstance(kept, Replay) else [])


async def send_as_app(call: Call) -> Answer:
    """`POST /v2/integrations/{app_id}/notification`; reads no body."""
    authorize = call.parts.authorize
    credential = call.request.credential
    if credential is None:
        raise Unauthenticated
    call.seeing()
    app, principal = await authorize.identify_app(_app_id(call), credential)
    call.principal = principal
    uid, message = _given_once(call, "uid"), _given_once(call, "message")
    now = call.parts.clock.now()
    # The text is judged before the user is looked up: 422 comes before 404.
    once = call.once(principal, "app", b"")
    user = authorize.named(uid)
    draft = draft_of_text(message, app=app, principal=principal, user=user, now=now, once=once)
    try:
        kept: Entry | Replay | None = await call.parts.store.replay(once, now) if once is not None else None
        if kept is None:
            await authorize.has_installed(app, user)
            kept = await call.parts.store.append(draft)
    except TooMany as refusal:
        call.turn_away(APP_ROUTE, status_of(refusal), refusal.code, refusal.sentence)
        reset, limit = refusal.retry_after, refusal.limit or 0
        return _with(refused(refusal, documented=True), _rate_limit(Quota(limit=limit, remaining=0, reset=reset)))
    sent = wire.AppSent(status="Ok", notification_id=kept.id, recipient_count=kept.streamed)
    if isinstance(kept, Replay):
        headers = [*_REPLAYED]
        with suppress(Unavailable):
            # It is kept, whether that can be told or not.
            headers += _rate_limit(await call.parts.store.quota(app, user, now))
        return ok(sent, headers=headers)
    return ok(sent, headers=_rate_limit(kept.quota) if kept.quota is not None else [])


def _given_once(call: Call, name: str) -> str:
    values = call.request.query.get(name, [])
    if len(values) != 1:
        # Of two, a proxy before us may have looked at the other one.
        raise Invalid(name, "is there more than once" if values else "is required, in the query")
    return values[0]


def _app_id(call: Call) -> str:
    try:
        return call.param("app_id")
    except NotFound:
        raise Unauthenticated from None


def _with(answer: Answer, headers: Headers) -> Answer:
    return Answer(answer.status, answer.body, answer.kind, answer.headers + headers)


def _rate_limit(quota: Quota) -> Headers:
    """Both spellings: the one existing clients read, and that of the IETF's RateLimit header fields draft."""
    return [
        (b"x-ratelimit-limit", b"%d" % quota.limit),
        (b"x-ratelimit-remaining", b"%d" % quota.remaining),
        (b"x-ratelimit-reset", b"%d" % quota.reset),
        (b"ratelimit-policy", b'"hour";q=%d;w=3600' % quota.limit),
        (b"ratelimit", b'"hour";r=%d;t=%d' % (quota.remaining, quota.reset)),
    ]
