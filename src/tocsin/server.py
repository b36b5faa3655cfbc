"""Puts the program together and runs it; which store and which broker it stands on is in `foundation.py`."""

from __future__ import annotations

import asyncio
import base64
import logging
import os
import secrets
import signal
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from types import FrameType

import uvicorn

from tocsin import __version__, logs
from tocsin.api import refusals, streams
from tocsin.api.app import Api
from tocsin.api.minutes import STEPS, Counts, Minutes
from tocsin.api.parts import Parts
from tocsin.app import AppId
from tocsin.clock import SystemClock
from tocsin.config import Config
from tocsin.credentials.attempts import Attempts
from tocsin.credentials.jwks import IssuerKeys
from tocsin.credentials.jwt import TokenIssuer, Verifier
from tocsin.descriptors import DescriptorProbe
from tocsin.directory import Directory
from tocsin.errors import StartError
from tocsin.first_start import put_in
from tocsin.foundation import Foundation, open_foundation, patiently
from tocsin.interpreter import set_for_a_server
from tocsin.listening import BACKLOG, listen, reserve
from tocsin.live.closing import Close
from tocsin.live.gate import Gate
from tocsin.live.hub import Hub
from tocsin.live.parting import PatientServer
from tocsin.live.turnstile import OrderlyHttpProtocol, Turnstile
from tocsin.live.uvicorn_protocol import WebSocketProtocol
from tocsin.live.websocket import WebSocketSkin
from tocsin.loop_probe import LoopProbe
from tocsin.metrics import Figures, exposition, of_sends, of_version
from tocsin.path.acknowledge import Acknowledge
from tocsin.path.announce import Announce
from tocsin.path.authorize import Authorize
from tocsin.position import Epoch
from tocsin.store.purge import Keeping
from tocsin.supervisor import READY, STOPPING, tell_supervisor
from tocsin.unwritten import MOST, Unwritten
from tocsin.wire import BODY_BYTES

log = logging.getLogger("tocsin.server")

EXIT_BROKEN = 1
# Longer than proxies keep theirs: a send that met a connection which is just being closed would be lost with it.
KEEP_ALIVE_SECONDS = 75
_ENDING_SECONDS = 2.0
_PARTING_SECONDS = 1.0


class Tocsin:
    """The running program: its parts, and whether it takes traffic.

    Attributes:
        app: the ASGI application.
        failure: why the process must end, empty while it need not.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self.clock = SystemClock()
        self.failure = ""
        self.draining = False
        self.app: Api
        self.hub: Hub
        self._foundation: Foundation
        self._failed: Callable[[], None] = lambda: None

    def when_failed(self, tell: Callable[[], None]) -> None:
        """Whom to tell when the process must end."""
        self._failed = tell

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Tocsin]:
        """Open the store, put everything together, and close it in order at the end.

        Raises:
            StartError: it cannot start; the sentence says why.
        """
        config, clock = self.config, self.clock
        self._foundation = foundation = await open_foundation(config, clock, self._store_died)
        store = foundation.store
        work: list[asyncio.Task[None]] = []
        try:
            await patiently(lambda: foundation.first_start(lambda: put_in(store, config, clock)))
            keys = IssuerKeys(config.issuers)
            token_key = await patiently(lambda: store.setting("token_key", _new_signing_key))
            tokens = TokenIssuer(_signing_key(token_key))
            unwritten = Unwritten(store, clock, most=0 if foundation.several else MOST)
            directory = Directory(store, unwritten.get)
            authorize = Authorize(directory, Verifier(tokens, config.issuers, keys), store, clock)
            limits = config.limits
            epoch, head = await patiently(foundation.locate)
            self.hub = hub = Hub(
                epoch,
                head,
                store,
                clock,
                per_user=limits.streams_per_user,
                per_address=limits.streams_per_address,
            )
            attempts = Attempts(limits.login_failures, clock)

            def begin_anew(epoch: Epoch, head: int) -> None:
                directory.forget_all()
                hub.begin_anew(epoch, head)

            following = foundation.feed(
                hub, Announce(directory, authorize, hub), attempts, begin_anew, directory.forget
            )
            work += [asyncio.create_task(part) for part in following]
            tickets, redeem = foundation.tickets(clock, token_key)
            probe = LoopProbe()
            acknowledge = Acknowledge(store, clock)
            gate = Gate(hub, authorize, acknowledge, redeem, config, clock, self._turned_down, foundation.arrive)
            minutes = Minutes(clock, lambda: Counts(hub.notifications, hub.deliveries, len(hub)))
            parts = Parts(
                config=config,
                clock=clock,
                store=store,
                directory=directory,
                unwritten=unwritten,
                authorize=authorize,
                acknowledge=acknowledge,
                gate=gate,
                tokens=tokens,
                tickets=tickets,
                attempts=attempts,
                others=foundation.others,
                minutes=minutes,
                blindness=lambda: foundation.blindness,
                draining=lambda: self.draining,
                identity=foundation.identity,
                troubles=self._troubles,
                metrics=exposition(_figures(foundation, hub, probe, attempts, minutes)),
            )
            streams.answer_others(foundation.others, hub)
            refusals.answer_others(parts)
            self.app = Api(parts, WebSocketSkin(gate))
            purge = store.purge(_keeping(config), clock)
            work += [
                asyncio.create_task(part.run())
                for part in (hub, keys, probe, DescriptorProbe(), purge, minutes, unwritten)
            ]
            yield self
        finally:
            for task in work:
                task.cancel()
            if work:
                await self.hub.close_all(Close.RESTART, "the server is restarting", 0)
                # What they hold (leases) they give back while the store is there.
                await asyncio.wait(work, timeout=_ENDING_SECONDS)
            await foundation.close()

    async def drain(self) -> None:
        """Take no new streams, and close the open ones, spread out."""
        self.draining = True
        seconds = self.config.drain_seconds
        # With other nodes beside it, whoever sends clients here needs time to see that it is not ready any more.
        rest = asyncio.sleep(seconds if self._foundation.several else 0)
        await asyncio.gather(rest, self.hub.close_all(Close.RESTART, "the server is restarting", seconds))

    def parting(self) -> float:
        """For how many seconds idle connections are answered after no more are taken."""
        # Alone, nobody else could take what comes.
        return _PARTING_SECONDS if self._foundation.several else 0.0

    def is_writing(self) -> bool:
        """Whether somebody waits for the disk."""
        return self._foundation.store.queued > 0

    def _turned_down(self) -> str:
        return "The server is restarting" if self.draining else self._foundation.blindness

    def _troubles(self) -> Sequence[str]:
        found = [*(["draining"] if self.draining else []), *self._foundation.store.troubles()]
        return [*found, *([self._foundation.blindness] if self._foundation.blindness else [])]

    def _store_died(self, reason: str) -> None:
        self.failure = reason
        self._failed()


class Server(PatientServer):
    """uvicorn with our own way down: readiness off, streams closed, then requests finished, then the store."""

    def __init__(self, config: uvicorn.Config, tocsin: Tocsin, announce: Callable[[str], None]) -> None:
        super().__init__(config)
        self._tocsin = tocsin
        self._announce = announce
        self._ending: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end)
        self._tocsin.when_failed(self._fail)
        for server in self.servers:
            for sock in server.sockets:
                host, port = sock.getsockname()[:2]
                name = f"[{host}]" if ":" in host else host
                self._announce(f"{'https' if self.config.is_ssl else 'http'}://{name}:{port}")

        tell_supervisor(READY)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal before the loop has its own handlers."""
        self.should_exit = True

    def _end(self) -> None:
        if self._ending is not None:
            # Asked twice: do not wait for anybody.
            self.force_exit = self.should_exit = True
            return
        tell_supervisor(STOPPING)
        self._ending = asyncio.create_task(self._drain())

    async def _drain(self) -> None:
        await self._tocsin.drain()
        # A moment for close frames to be answered before connections are cut.
        await asyncio.sleep(0.2)
        self.should_exit = True

    def _fail(self) -> None:
        self.should_exit = self.force_exit = True


def serve(config: Config, announce: Callable[[str], None]) -> int:
    """Run until told to stop.

    Parameters:
        announce: told each address once requests are answered there.

    Returns:
        The exit status: 0 after a graceful stop, 1 when the store could not go on.

    Raises:
        StartError: it cannot start.
    """
    logs.configure(config.log_level)
    os.umask(0o077)
    set_for_a_server()
    with asyncio.Runner(loop_factory=_new_loop) as runner:
        return runner.run(_serve(config, announce))


async def _serve(config: Config, announce: Callable[[str], None]) -> int:
    tocsin = Tocsin(config)
    with reserve(config) as sock:
        async with tocsin.running():
            listen(config, sock)
            server = Server(_uvicorn_config(config, tocsin), tocsin, announce)
            await server.serve(sockets=[sock])
    if tocsin.failure:
        log.critical("ending: %s", tocsin.failure)
        return EXIT_BROKEN
    return 0


def _uvicorn_config(config: Config, tocsin: Tocsin) -> uvicorn.Config:
    try:
        return uvicorn.Config(
            tocsin.app,
            http=OrderlyHttpProtocol.behind(Turnstile(busy=tocsin.is_writing), tocsin.parting),
            ws=WebSocketProtocol,
            ws_max_size=BODY_BYTES,
            ws_per_message_deflate=False,
            ws_ping_interval=None,
            backlog=BACKLOG,
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=5,
            ssl_certfile=config.tls_cert or None,
            ssl_keyfile=config.tls_key or None,
        )
    except (OSError, ssl.SSLError) as error:
        raise StartError(f"tls_cert, tls_key: {error}") from None


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def _keeping(config: Config) -> Keeping:
    kept = config.retention
    apps = {AppId(app): days for app, days in kept.apps.items()}
    return Keeping(days=kept.days, per_user=kept.per_user, apps=apps, every=kept.every_seconds)


def _signing_key(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise StartError("the key that tokens are signed with is damaged on disk: restore a backup") from None


def _new_signing_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def _figures(foundation: Foundation, hub: Hub, probe: LoopProbe, attempts: Attempts, minutes: Minutes) -> Figures:
    store, loop = foundation.store, asyncio.get_running_loop()
    return Figures(
        counters={
            **foundation.counters(),
            ("tocsin_deliveries", "Notifications written to streams."): lambda: hub.deliveries,
            ("tocsin_commits", "Transactions of the writer."): lambda: store.batches,
            ("tocsin_failed_sign_ins", "Sign-ins that failed here, or were refused."): lambda: attempts.failures,
            ("tocsin_loop_stalls", "Times the event loop stood still for more than 100 ms."): lambda: probe.stalls,
            ("tocsin_log_numbers", "Numbers that the log has given out."): lambda: store.head,
            ("tocsin_notifications", "Notifications of all nodes that this one has heard of."): (
                lambda: hub.notifications
            ),
        },
        gauges={
            **foundation.gauges(),
            ("tocsin_loop_longest_stall_seconds", "Longest that it stood still."): lambda: probe.longest,
            ("tocsin_streams", "Streams open on this node."): lambda: len(hub),
            ("tocsin_tasks", "Tasks of the event loop."): lambda: len(asyncio.all_tasks(loop)),
            ("tocsin_writes_waiting", "Writes that wait for their commit."): lambda: store.queued,
        },
        others=lambda: [
            *of_sends(minutes.statuses, minutes.steps, STEPS, minutes.spent),
            of_version(__version__),
        ],
    )
