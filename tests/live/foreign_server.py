"""Tocsin's ASGI application on a stock uvicorn, as somebody's own deployment might have it.

Run as a program: `python foreign_server.py PORT DATA`. Ends at SIGTERM, draining first as our own server does.
"""

import asyncio
import signal
import sys

import uvicorn

from tocsin.config import Config
from tocsin.server import Tocsin


async def run(port: int, data: str) -> None:
    tocsin = Tocsin(Config(data=data, dev=True, anonymous_broadcasts=True, drain_seconds=0.2))
    async with tocsin.running():
        config = uvicorn.Config(
            tocsin.app,
            port=port,
            http="httptools",
            ws="websockets-sansio",
            lifespan="off",
            log_level="warning",
            ws_ping_interval=5,
            timeout_graceful_shutdown=2,
        )
        server = uvicorn.Server(config)
        ending = asyncio.Event()
        serving = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110  (uvicorn has no event for it)
            await asyncio.sleep(0.01)
        # After the start, in which uvicorn takes the signals for itself.
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, ending.set)
        await ending.wait()
        await tocsin.drain()
        await asyncio.sleep(0.2)
        server.should_exit = True
        await serving


if __name__ == "__main__":
    asyncio.run(run(int(sys.argv[1]), sys.argv[2]))
