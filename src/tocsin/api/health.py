"""Is it there, may it get traffic, and what does it do?"""

from __future__ import annotations

import msgspec

from tocsin import __version__
from tocsin.api.answer import Answer, ok
from tocsin.api.call import Call
from tocsin.errors import Forbidden, Unauthenticated


class Health(msgspec.Struct, frozen=True):
    """`GET /healthz`."""

    status: str
    version: str


class Readiness(msgspec.Struct, frozen=True):
    """`GET /readyz`.

    Attributes:
        reasons: why not, empty when ready.
    """

    ready: bool
    reasons: list[str]


async def health(call: Call) -> Answer:
    """The process is alive, whatever its store says."""
    return ok(Health("ok", __version__))


async def readiness(call: Call) -> Answer:
    """Whether a load balancer should send it traffic."""
    reasons = list(call.parts.troubles())
    return ok(Readiness(not reasons, reasons), status=503 if reasons else 200)


async def metrics(call: Call) -> Answer:
    """Prometheus text; for superusers unless `metrics.public`."""
    parts = call.parts
    if not parts.config.metrics.public:
        credential = call.request.credential
        if credential is None:
            raise Unauthenticated
        # Also by who is remembered only, on a node that does not see the log: that is when its figures are wanted.
        if not (await parts.authorize.identify(credential)).superuser:
            raise Forbidden("Superusers only")
    return Answer(200, parts.metrics(), b"text/plain; version=0.0.4; charset=utf-8")
