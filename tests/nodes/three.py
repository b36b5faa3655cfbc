"""Three nodes on one database, and what is done with all of them at once."""

from __future__ import annotations

import itertools
import os
import re
import signal
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from faults.load import Follower
from harness.http import Http
from harness.postgresql import Cluster
from harness.server import Server

WEAKENED = Path(__file__).parent / "weakened"


class Nodes:
    """Servers on one database of a PostgreSQL.

    Parameters:
        folder: where their data folders and logs are.
        postgresql: the server.
        broker: a URL, or one for each node; nothing for the database itself.
        port: of the database, where it is not the server's own.
        weakened: the rules that all of them lack, by commas.
        env: more settings.
    """

    def __init__(
        self,
        folder: Path,
        postgresql: Cluster,
        *,
        count: int = 3,
        broker: str | Sequence[str] = "",
        ports: list[int] | None = None,
        weakened: str = "",
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.postgresql, self.weakened = postgresql, weakened
        self.name = f"n{uuid.uuid4().hex[:12]}"
        url = postgresql.database_with_tables(self.name)
        self.all: list[Server] = []
        brokers = [broker] * count if isinstance(broker, str) else broker
        for n in range(count):
            port = ports[n % len(ports)] if ports else postgresql.port
            settings: dict[str, str | None] = {
                "TOCSIN_DATABASE": url.replace(f":{postgresql.port}/", f":{port}/"),
                "TOCSIN_NODE": f"node{n}",
                "TOCSIN_DRAIN_SECONDS": "0.2",
                **({"TOCSIN_BROKER": brokers[n]} if brokers[n] else {}),
                **({"PYTHONPATH": str(WEAKENED), "WEAKENED": weakened} if weakened else {}),
                **(env or {}),
            }
            self.all.append(Server(folder / f"{self.name}-{n}", env=settings, nodes=1))

    def __getitem__(self, n: int) -> Server:
        return self.all[n]

    def start(self) -> Nodes:
        for node in self.all:
            node.launch()
        for node in self.all:
            node.wait_ready(within=120)
        return self

    def close(self) -> None:
        for node in self.all:
            if node.running:
                os.kill(node.pid, signal.SIGCONT)
                os.kill(node.pid, signal.SIGTERM)
        for node in self.all:
            node.close()
        for node in self.all:
            node.check_log()

    def clients(self) -> Callable[[], Http]:
        """A client of one node after the other."""
        turn = itertools.cycle(self.all)
        return lambda: next(turn).service()

    def follower(self, user: str, n: int, *, sse: bool = False) -> Roaming:
        """One who follows on node n, and goes to the next whenever the stream ends."""
        urls = [node.url for node in self.all]
        return Roaming(urls[n:] + urls[:n], self.token(user), sse=sse)

    def token(self, user: str) -> str:
        return self.all[0].token(user)

    def known_to(self, n: int) -> list[Http]:
        """Clients with a key, a token and a session that node n need not ask anybody about."""
        signed_in = self[n].http()
        known = [self[n].service(), self.user("user123", n), Http(self[n].url, cookie=signed_in.sign_in("user456"))]
        for client in known:
            assert client.get("/api/auth/me").status == 200
        return known

    def user(self, user: str, n: int = 0) -> Http:
        return Http(self.all[n].url, token=self.token(user))

    def metric(self, name: str, n: int) -> float:
        text = self.all[n].http().get("/metrics").text
        found = re.search(rf"^{name}(?:_total)? (\S+)$", text, re.MULTILINE)
        assert found, f"{name} is not told of:\n{text}"
        return float(found[1])


class Roaming(Follower):
    """A follower with several addresses: each connection goes to the next one."""

    def __init__(self, urls: list[str], token: str, **options: Any) -> None:
        self._urls = itertools.cycle(urls)
        super().__init__("", token, **options)

    @property
    def _url(self) -> str:
        return next(self._urls)

    @_url.setter
    def _url(self, _: str) -> None:
        """There are several."""
