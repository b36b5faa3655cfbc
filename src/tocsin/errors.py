"""Every refusal Tocsin knows, as one tree.

    TocsinError
    ├── Refusal                    something asked for is not given; told to whoever asked
    │   ├── Unauthenticated        no credential, or one that does not hold
    │   ├── Forbidden              the credential holds but does not reach this far
    │   │   ├── MissingPermission
    │   │   └── ForeignPage
    │   ├── NotFound               it is not there, or not theirs to see
    │   ├── Malformed              the bytes cannot be read as what they claim to be
    │   ├── Invalid                readable, but a field is wrong, missing or over its limit
    │   │   └── UsedKey
    │   ├── TooLarge               over a size limit before anything was read
    │   ├── UnsupportedContent     a content type or encoding that is not taken
    │   ├── Conflict               against the state that the thing is in
    │   ├── Withheld               fine by itself, but what it had to go together with is refused
    │   ├── TooMany                over a rate, a quota or a count
    │   └── Unavailable            the store cannot take or give it now
    ├── Damaged                    something that is needed is not on the disk as it was written
    └── StartError                 `serve` cannot start; the sentence says what to do
        └── NotYet                 what it starts with is away; a later start may succeed

Codes are stable: clients and logs may match on them. Sentences are for their reader and may change,
except where a published API document fixes them.
"""

from __future__ import annotations


class TocsinError(Exception):
    """Base of all errors that Tocsin raises on purpose.

    Attributes:
        code: stable, kebab-case.
        temporary: whether the same request may succeed later without being changed.
    """

    code = "error"
    temporary = False

    @property
    def sentence(self) -> str:
        """What to tell the reader."""
        return str(self)


class Refusal(TocsinError):
    """Something that was asked for is not given."""


class Unauthenticated(Refusal):
    """No credential, or one that does not hold; never says which."""

    code = "unauthenticated"

    def __init__(self, sentence: str = "Authentication required") -> None:
        super().__init__(sentence)


class Forbidden(Refusal):
    """The credential holds, but it does not reach this far."""

    code = "forbidden"

    def __init__(self, sentence: str = "Not allowed") -> None:
        super().__init__(sentence)


class MissingPermission(Forbidden):
    """A permission that the route needs was not granted to this principal."""

    code = "missing-permission"

    def __init__(self, permission: str) -> None:
        super().__init__(f"Missing required permissions: {permission}")


class ForeignPage(Forbidden):
    """A page that is neither ours nor listed acts, or seems to act, for its visitor."""

    code = "foreign-page"

    def __init__(self) -> None:
        super().__init__("Pages of this origin may not do that here (see `base_url`, `origins`)")


class NotFound(Refusal):
    """It is not there, or not for this principal to see: the answer is the same."""

    code = "not-found"

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} not found")


class Malformed(Refusal):
    """Bytes that cannot be read as what they claim to be, or that would lose meaning when read."""

    code = "malformed"


class Invalid(Refusal):
    """Readable, but a field is wrong, missing or over its limit.

    Parameters:
        where: the field, as the sender names it (`title`, `metadata`), or an empty string.
        why: what is wrong with it.
    """

    code = "invalid"

    def __init__(self, where: str, why: str) -> None:
        self.where = where
        self.why = why
        super().__init__(f"{where}: {why}" if where else why)


class UsedKey(Invalid):
    """An idempotency key that was used for another request before."""

    code = "idempotency-key-used"

    def __init__(self) -> None:
        super().__init__("Idempotency-Key", "was used for another request")


class TooLarge(Refusal):
    """Over a size limit."""

    code = "too-large"

    def __init__(self, what: str, limit: int) -> None:
        super().__init__(f"{what} is larger than {limit} bytes")


class UnsupportedContent(Refusal):
    """A content type or content encoding that this route does not take."""

    code = "unsupported-content"


class Conflict(Refusal):
    """Against the state that the thing is in."""

    code = "conflict"


class Withheld(Refusal):
    """Fine by itself, but something that it was to be kept together with is refused."""

    code = "withheld"

    def __init__(self) -> None:
        super().__init__("Not kept, as another one is refused")


class TooMany(Refusal):
    """Over a rate, a quota or a count.

    Parameters:
        retry_after: seconds until it may work again.
        limit: how many are allowed in the window, where the reader may know it.
    """

    code = "too-many"
    temporary = True

    def __init__(self, sentence: str, *, retry_after: int, limit: int | None = None) -> None:
        self.retry_after = retry_after
        self.limit = limit
        super().__init__(sentence)


class Unavailable(Refusal):
    """The store cannot take or give it now.

    Parameters:
        outcome_unknown: whether a write may still turn out to have been kept (it had reached the
            writer); otherwise nothing was written.
    """

    code = "unavailable"
    temporary = True

    def __init__(
        self,
        sentence: str = "Temporarily unavailable",
        *,
        retry_after: int = 1,
        outcome_unknown: bool = False,
    ) -> None:
        self.retry_after = retry_after
        self.outcome_unknown = outcome_unknown
        super().__init__(sentence)


class Damaged(TocsinError):
    """Something that is needed is not on the disk as it was written; nothing but a backup mends that.

    Parameters:
        what: it is.
    """

    code = "damaged"

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} is damaged on disk")


class StartError(TocsinError):
    """`serve` cannot start (exit status 2); the sentence says why and what to do."""

    code = "start"


class NotYet(StartError):
    """What `serve` needs (PostgreSQL) was away for a minute; started again later, it may be there (exit status 1)."""

    temporary = True
