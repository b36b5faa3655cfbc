"""The environment of a server that lacks a rule; which rules there are says `weakened/sitecustomize.py`."""

from __future__ import annotations

import os
from pathlib import Path

WEAKENED = os.pathsep.join([str(Path(__file__).parent / "weakened"), *filter(None, [os.environ.get("PYTHONPATH")])])
"""A PYTHONPATH."""


def without(rule: str) -> dict[str, str]:
    """Of a server without that rule, for controls."""
    return {"PYTHONPATH": WEAKENED, "WEAKENED": rule}
