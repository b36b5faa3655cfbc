"""Both clients in one hand: the asyncio one is driven step by step, so that one test speaks for the two.

with opened("asyncio", server.url, DEV_KEY) as client:
    client.send("t", "m")
    stream = client.stream()
    next(stream)
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tocsin.client import AsyncClient, Client

KINDS = ("blocking", "asyncio")


@contextmanager
def opened(kind: str, url: str, token: str | None = None, **options: Any) -> Iterator[Any]:
    """A client of that kind; ends with nothing left behind."""
    if kind == "blocking":
        with Client(url, token, **options) as client:
            yield client
        assert not [thread for thread in threading.enumerate() if thread.name == "tocsin opening"]
        return
    with asyncio.Runner() as runner:
        stepped = _Stepped(runner, AsyncClient(url, token, **options))
        try:
            yield stepped
        finally:
            stepped.close()
        assert (left := runner.run(_others())) == [], left


async def _others() -> list[asyncio.Task[Any]]:
    await asyncio.sleep(0)  # a transport that was closed says so in the next turn
    return [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]


class _Stepped:
    """Something asynchronous whose methods wait, and whose iterators are plain ones."""

    def __init__(self, runner: asyncio.Runner, of: Any) -> None:
        self._runner = runner
        self._of = of

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._of, name)
        return self._waiting(found) if callable(found) else found

    def _waiting(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            made = method(*given, **named)
            if asyncio.iscoroutine(made):
                return self._runner.run(made)
            return _Stepped(self._runner, made) if hasattr(made, "__anext__") else made

        return call

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        try:
            return self._runner.run(_next(self._of))
        except StopAsyncIteration:
            raise StopIteration from None


async def _next(of: Any) -> Any:
    return await anext(of)
