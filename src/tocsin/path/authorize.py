"""Authorize: who is it, and may they reach this audience? Leaves nothing behind."""

from __future__ import annotations

from hashlib import sha256

from tocsin.app import App, AppId
from tocsin.credentials.jwt import Claims, Verifier
from tocsin.credentials.key import is_sample, parse_key, secret_hash, secret_holds
from tocsin.directory import Directory
from tocsin.errors import Forbidden, Invalid, MissingPermission, NotFound, Unauthenticated
from tocsin.ports import AuditEntry, Clock, Store
from tocsin.principal import NOTIFICATIONS, Key, KeyId, Principal, Session, SessionId, User, UserId, parse_id

SAMPLE_KEY_ID = KeyId("sample")
"""Id of the well-known key of `--dev`, whose text carries none."""

REMEMBERED = 10_000
"""Keys that need not be established anew for each request."""

_NOBODY = secret_hash("")


class Authorize:
    """Establishes principals from credentials, and says whom they may reach.

    Parameters:
        directory: who is known.
        verifier: of JWTs, ours and those of configured issuers.
        store: where a first valid token of an issuer with `create_users` creates its user.
        clock: for expiry.
    """

    def __init__(self, directory: Directory, verifier: Verifier, store: Store, clock: Clock) -> None:
        self._directory = directory
        self._verifier = verifier
        self._store = store
        self._clock = clock
        # By the digest of a credential that held: what it was established from, and as whom. It holds on while
        # the directory knows both unchanged, so a revocation counts at the next request.
        self._known: dict[bytes, tuple[Key, User, Principal]] = {}

    async def identify(self, credential: str) -> Principal:
        """Who holds this API key, app secret or JWT.

        Raises:
            Unauthenticated: it does not hold; the reason is never told. Unavailable: that cannot be known now.
        """
        digest = sha256(credential.encode("utf-8", "surrogatepass")).digest()
        if (known := self._known.get(digest)) is not None:
            key, user, principal = known
            alive = key.expires_at is None or key.expires_at > self._clock.now()
            if alive and self._directory.still_knows(key, user):
                return principal
            del self._known[digest]
        parsed = parse_key(credential)
        if parsed is not None:
            return await self._by_key(KeyId(parsed[0]), parsed[1], digest)
        if is_sample(credential):
            return await self._by_key(SAMPLE_KEY_ID, credential, digest)
        return await self._by_token(credential)

    async def identify_session(self, cookie: str) -> Principal:
        """Who is signed in with that cookie.

        Raises:
            Unauthenticated: nobody, or no longer.
        """
        session = await self.session_of(cookie)
        user = await self._directory.user(session.user_id)
        if user is None or user.disabled or session.created_at < user.tokens_after:
            raise Unauthenticated
        return Principal(
            kind="user",
            credential=f"session:{session.id}",
            user_id=user.id,
            permissions=user.permissions,
            superuser=user.superuser,
            issued_at=session.created_at,
            expires_at=session.expires_at,
        )

    async def session_of(self, cookie: str) -> Session:
        """The session that a cookie holds the secret of, whoever the user is by now.

        Raises:
            Unauthenticated: there is none, or it has ended.
        """
        parsed = parse_key(cookie)
        session = await self._directory.session(SessionId(parsed[0])) if parsed is not None else None
        holds = secret_holds(parsed[1] if parsed is not None else "", session.hash if session is not None else None)
        if session is None or not holds or session.expires_at <= self._clock.now():
            raise Unauthenticated
        return session

    async def identify_app(self, app_id: str, credential: str) -> tuple[App, Principal]:
        """The app whose secret this is.

        Raises:
            Unauthenticated: an unknown app, or not a secret of this one: all alike.
        """
        parsed = parse_key(credential)
        secret = parsed[1] if parsed is not None else credential
        app = await self._directory.app(AppId(id_)) if (id_ := _possible_id(app_id)) is not None else None
        found = None
        for known in await self._directory.secrets(app.id) if app is not None else []:
            if secret_holds(secret, known.hash) and (parsed is None or parsed[0] == known.id):
                found = known
        if app is None or found is None:
            secret_holds(secret, _NOBODY)
            raise Unauthenticated
        return app, Principal(kind="app", credential=f"secret:{found.id}", app_id=app.id)

    async def still_holds(self, principal: Principal) -> bool:
        """Whether a principal established earlier would be established again (expiry aside)."""
        if principal.user_id is None:
            return False
        if principal.kind == "service":
            key = await self._directory.key(KeyId(principal.credential.removeprefix("key:")))
            if key is None or key.user_id != principal.user_id:
                return False
        elif principal.credential.startswith("session:"):
            session = await self._directory.session(SessionId(principal.credential.removeprefix("session:")))
            if session is None or session.user_id != principal.user_id:
                return False
        user = await self._directory.user(principal.user_id)
        if user is None or user.disabled:
            return False
        return principal.issued_at is None or principal.issued_at >= user.tokens_after

    @staticmethod
    def may_send(principal: Principal) -> None:
        """Raise MissingPermission unless this principal may use `/api/notifications/send`."""
        if not principal.superuser and NOTIFICATIONS not in principal.permissions:
            raise MissingPermission(NOTIFICATIONS)

    async def audience(self, principal: Principal, wanted: str | None) -> UserId | None:
        """Whom a send goes to: a superuser's choice, or the sender themself.

        Parameters:
            wanted: `userId` as the sender gave it; ignored for everybody who is not a superuser.

        Returns:
            One user's id, or None for everyone.

        Raises:
            NotFound: no such user.
        """
        if not principal.superuser:
            if principal.user_id is None:
                raise MissingPermission(NOTIFICATIONS)
            return principal.user_id
        if wanted is None:
            return None
        user = UserId(parse_id(wanted, where="userId"))
        if await self._directory.user(user) is None:
            raise NotFound("User")
        return user

    @staticmethod
    def named(wanted: str) -> UserId:
        """A user's id as an app wrote it.

        Raises:
            Invalid: it cannot be one.
        """
        return UserId(parse_id(wanted, where="uid"))

    async def has_installed(self, app: App, user: UserId) -> None:
        """Let an app send only to users who installed it.

        Raises:
            NotFound: no such user, or one who has not installed it: the answer is the same.
        """
        if not await self._directory.installed(app.id, user):
            raise NotFound("User")

    async def in_name_of(self, principal: Principal, wanted: str | None) -> AppId | None:
        """The app a send is made in the name of (`appId`): superusers only.

        Raises:
            Forbidden: not a superuser. Invalid: no such app.
        """
        if wanted is None:
            return None
        if not principal.superuser:
            raise Forbidden("appId: superusers only")
        app = await self._directory.app(AppId(parse_id(wanted, where="appId")))
        if app is None:
            raise Invalid("appId", "no such app")
        return app.id

    async def _by_key(self, id_: KeyId, secret: str, digest: bytes) -> Principal:
        key = await self._directory.key(id_)
        holds = secret_holds(secret, key.hash if key is not None else _NOBODY)
        if key is None or (not holds and id_ == SAMPLE_KEY_ID):
            return await self._by_any_secret(id_, secret)
        if not holds or (key.expires_at is not None and key.expires_at <= self._clock.now()):
            raise Unauthenticated
        user = await self._active(key.user_id)
        principal = Principal(
            kind="service",
            credential=f"key:{key.id}",
            user_id=user.id,
            permissions=user.permissions,
            superuser=user.superuser,
            expires_at=key.expires_at,
        )
        if len(self._known) >= REMEMBERED:
            del self._known[next(iter(self._known))]
        self._known[digest] = (key, user, principal)
        return principal

    async def _by_any_secret(self, id_: str, secret: str) -> Principal:
        known = await self._store.secret(id_)
        if known is None or not secret_holds(secret, known.hash):
            raise Unauthenticated
        return Principal(kind="app", credential=f"secret:{known.id}", app_id=known.app_id)

    async def _by_token(self, token: str) -> Principal:
        claims = self._verifier.verify(token, self._clock.now())
        user = await self._directory.user(claims.subject)
        if user is None and claims.create_user:
            user = await self._create(claims)
        ours = claims.issuer is None
        if user is None or user.disabled or (ours and claims.issued_at < user.tokens_after):
            raise Unauthenticated
        return Principal(
            kind="user",
            credential=f"token:{claims.token_id}",
            user_id=user.id,
            permissions=user.permissions if ours else claims.permissions,
            superuser=user.superuser if ours else claims.superuser,
            issued_at=claims.issued_at if ours else None,
            expires_at=claims.expires_at,
        )

    async def _create(self, claims: Claims) -> User:
        audit = AuditEntry(
            at=self._clock.now(),
            who=f"issuer:{claims.issuer}",
            action="user.create",
            what=claims.subject,
            origin="",
        )
        return await self._store.put_user(User(id=claims.subject, name=claims.subject), audit, replace=False)

    async def _active(self, id_: UserId) -> User:
        user = await self._directory.user(id_)
        if user is None or user.disabled:
            raise Unauthenticated
        return user


def _possible_id(text: str) -> str | None:
    try:
        return parse_id(text, where="")
    except Invalid:
        return None
