"""Being signed in with a browser: a cookie that pages cannot read, and a session in the store that it proves."""

from __future__ import annotations

import msgspec

from tocsin.api.answer import Answer, nothing, ok
from tocsin.api.call import Call
from tocsin.api.sign_in import LoginBody, Me, ended, told, verified, who
from tocsin.credentials.cookie import set_cookie
from tocsin.credentials.key import make_key
from tocsin.errors import Conflict, Forbidden, ForeignPage, Unauthenticated, Unavailable
from tocsin.ports import AuditEntry
from tocsin.principal import Session, SessionId, User
from tocsin.wire import timestamp, when

_DAY_MS = 24 * 3_600_000
LIFE_MS = 30 * _DAY_MS
RENEWED_AFTER_MS = _DAY_MS
"""A session that is used after so long of its life gets all of it anew; not sooner, as that is a write."""

Cookie = tuple[bytes, bytes]


class SessionTold(msgspec.Struct, frozen=True, rename="camel"):
    """Who is signed in, and until when.

    Attributes:
        user: null where no credential came along and none had to.
        expires_at: null where the credential does not expire.
    """

    user: Me | None
    expires_at: str | None


async def sign_in(call: Call) -> Answer:
    """`POST /api/session`: a session under a new id, whatever cookie came along."""
    request = call.request
    by_page = request.origin is not None or request.header(b"sec-fetch-site") is not None
    if by_page and not request.page_may_act():
        # It would be signed in as somebody whom another page chose.
        raise ForeignPage
    form = await call.read(LoginBody)
    user = await verified(call, "sign-in", form.username, form.password)
    entry = msgspec.structs.replace(call.audit("sign-in", user.id), who=f"user:{user.id} by password")
    expires_at, cookie = await begin(call, user, entry)
    return ok(SessionTold(told(user), timestamp(expires_at)), status=201, headers=[cookie])


async def look(call: Call) -> Answer:
    """`GET /api/session`: also where it is prolonged.

    With `optional`, whoever brings no credential is answered that, and not refused: a page asks before anybody has
    signed in.
    """
    request, authorize = call.request, call.parts.authorize
    if (credential := request.credential) is not None:
        call.seeing()
        call.principal = await authorize.identify(credential)
    elif (cookie := request.session_cookie) is not None:
        call.seeing()
        call.principal = await authorize.identify_session(cookie)
    elif call.yes_or_no("optional"):
        return ok(SessionTold(None, None))
    else:
        raise Unauthenticated
    if call.principal.kind == "app":
        raise Forbidden("An app secret sends; it does not read")
    whose, principal = await who(call), call.principal
    session = await call.parts.directory.session(_id(call)) if is_session(call) else None
    now = call.parts.clock.now()
    if session is None or session.expires_at - now > LIFE_MS - RENEWED_AFTER_MS:
        return ok(SessionTold(whose, when(principal.expires_at)))
    try:
        await call.parts.unwritten.write(session.id)
        if not await call.parts.store.prolong_session(session.id, now + LIFE_MS):
            raise Unauthenticated
    except Unavailable:
        # It holds on as it is, and is prolonged the next time.
        return ok(SessionTold(whose, when(principal.expires_at)))
    anew = _cookie(call, request.session_cookie or "", LIFE_MS)
    return ok(SessionTold(whose, timestamp(now + LIFE_MS)), headers=[anew])


async def sign_out(call: Call) -> Answer:
    """`DELETE /api/session`."""
    if not is_session(call):
        raise Forbidden("Only a session is signed out of")
    id_ = _id(call)
    await call.parts.unwritten.write(id_)
    await call.parts.store.delete_session(id_, call.audit("sign-out", call.user_id))
    return _without_cookie(call)


async def sign_out_everywhere(call: Call) -> Answer:
    """`DELETE /api/sessions`: every session and every token of the user ends; API keys stay."""
    if call.principal.kind != "user":
        raise Forbidden("An API key does not sign anybody out")
    parts, id_ = call.parts, call.user_id
    async with parts.identity:
        user = await parts.store.user(id_)
        if user is None:
            raise Conflict("The user was deleted meanwhile")
        changed = msgspec.structs.replace(user, tokens_after=ended(user, parts.clock.now()))
        await parts.store.put_user(changed, call.audit("sign-out.everywhere", id_))
    return _without_cookie(call)


def is_session(call: Call) -> bool:
    """Whether it was the cookie that said who makes the call."""
    return call.principal.credential.startswith("session:")


async def begin(call: Call, user: User, audit: AuditEntry | None) -> tuple[int, Cookie]:
    """Make a session for a user who has shown that it is them; the one that the cookie now holds ends.

    Where the store takes no writes it is held in memory until then, unless one would have to end for it.

    Returns:
        When it expires, milliseconds UTC, and the header that sets the cookie.
    """
    parts, made = call.parts, make_key()
    # Not before `tokens_after`: after somebody set the clock back, a new session would not hold at all.
    now = max(parts.clock.now(), user.tokens_after)
    session = Session(id=SessionId(made.id), user_id=user.id, hash=made.hash, created_at=now, expires_at=now + LIFE_MS)
    try:
        await parts.store.put_session(session, now, audit)
    except Unavailable:
        if await _would_stay(call) or not parts.unwritten.keep(session, audit):
            raise
        return session.expires_at, _cookie(call, made.text, LIFE_MS)
    if (cookie := call.request.session_cookie) is not None:
        try:
            old = await parts.authorize.session_of(cookie)
            await parts.unwritten.write(old.id)
            await parts.store.delete_session(old.id, None)
        except Unauthenticated:
            pass
    return session.expires_at, _cookie(call, made.text, LIFE_MS)


async def _would_stay(call: Call) -> bool:
    cookie = call.request.session_cookie
    try:
        return cookie is not None and bool(await call.parts.authorize.identify_session(cookie))
    except Unauthenticated:
        return False


def _id(call: Call) -> SessionId:
    return SessionId(call.principal.credential.removeprefix("session:"))


def _without_cookie(call: Call) -> Answer:
    return msgspec.structs.replace(nothing(), headers=[_cookie(call, "", 0)])


def _cookie(call: Call, value: str, life_ms: int) -> Cookie:
    return b"set-cookie", set_cookie(value, life_ms // 1000, secure=call.request.keeps_secure_cookies)
