"""The named queries of `queries.sql`, read once."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

_NAMED = re.compile(r"^-- name: (\w+)\n((?:-- [^\n]*\n)+)(.*?;)$", re.MULTILINE | re.DOTALL)


@cache
def queries() -> dict[str, str]:
    """Every query by its name, ready to run."""
    text = (files("tocsin.store") / "queries.sql").read_text(encoding="utf-8")
    return {name: sql for name, _sentence, sql in _NAMED.findall(text)}
