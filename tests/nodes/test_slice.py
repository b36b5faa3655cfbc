"""A slice of the tests of behaviour, on three nodes behind a balancer; `make test-nodes` is all of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
SLICE = ["inbox/test_changes.py", "inbox/test_marks.py", "send/test_idempotency.py"]
"""They share one start of a server, and ask again and again for what another node has just written."""


def test_what_one_process_does_three_nodes_do() -> None:
    ran = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:xdist",
            *(str(TESTS / one) for one in SLICE),
        ],
        env=os.environ | {"TOCSIN_TEST_STORE": "postgresql", "TOCSIN_TEST_NODES": "3"},
        cwd=TESTS.parent,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-8_000:] + ran.stderr[-2_000:]
