"""docs/howto/python-client.md, as written."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from harness.http import DEV_KEY
from harness.server import Server

PAGE = Path(__file__).resolve().parents[2] / "docs" / "howto" / "python-client.md"

PRINTED = """\
[True, True, True]
3 unread
['Disk 2', 'Disk 1', 'Disk 0']
Hello
5 shown, 1 of them unread
Hello
"""


def test_the_python_howto_works_as_written(start_server: Callable[..., Server]) -> None:
    server = start_server()
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    env = {**os.environ, "TOCSIN_URL": server.url, "TOCSIN_TOKEN": DEV_KEY}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", "".join(blocks)],
        env=env, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    lines = [line for line in done.stdout.splitlines() if not re.fullmatch(r"notif_\S+|[0-9a-f]{8}-\d+", line)]
    assert lines == PRINTED.splitlines()
