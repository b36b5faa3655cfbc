"""What is in the log is for whoever runs the server, and what a stranger does to a connection is not."""

import json
import subprocess
import sys

PROGRAM = """
import logging
from tocsin.logs import configure
configure("info")
log = logging.getLogger("asyncio")
for transport in ("None", "<TCPTransport>"):
    try:
        None.pause_writing()
    except AttributeError:
        log.error(f"protocol.pause_writing() failed\\nprotocol: <SSLProtocol>\\ntransport: {transport}", exc_info=True)
"""


def test_what_fails_for_a_connection_that_is_gone_is_no_error() -> None:
    said = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True).stderr

    [line] = map(json.loads, said.splitlines())
    assert line["message"].endswith("transport: <TCPTransport>")
    assert "AttributeError" in line["traceback"]
