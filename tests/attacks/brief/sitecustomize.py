"""A server with little patience: the constants that are named in the environment are what that says, in seconds.

With SEND_BUFFER, in bytes, the kernel takes no more than that of what a connection writes. Loaded by the interpreter
because the test puts this folder on PYTHONPATH.
"""

import os
import socket
from typing import Any

if "KEEP_ALIVE_SECONDS" in os.environ:
    from tocsin import server
    from tocsin.live import untaken, uvicorn_http

    server.KEEP_ALIVE_SECONDS = float(os.environ["KEEP_ALIVE_SECONDS"])  # type: ignore[assignment]
    for module, name in ((uvicorn_http, "HEAD_SECONDS"), (uvicorn_http, "LOOK_AGAIN"), (untaken, "TAKEN_SECONDS")):
        setattr(module, name, float(os.environ.get(name, getattr(module, name))))

    if "SEND_BUFFER" in os.environ:
        made = uvicorn_http.HttpProtocol.connection_made

        def made_small(self: Any, transport: Any) -> None:
            size = int(os.environ["SEND_BUFFER"])
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, size)
            made(self, transport)

        uvicorn_http.HttpProtocol.connection_made = made_small  # type: ignore[method-assign]
