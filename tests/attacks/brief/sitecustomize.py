"""A server that keeps an idle connection for KEEP_ALIVE_SECONDS, not for the minute and more that it otherwise does.

Loaded by the interpreter because the test puts this folder on PYTHONPATH.
"""

import os

if "KEEP_ALIVE_SECONDS" in os.environ:
    from tocsin import server

    server.KEEP_ALIVE_SECONDS = float(os.environ["KEEP_ALIVE_SECONDS"])  # type: ignore[assignment]
