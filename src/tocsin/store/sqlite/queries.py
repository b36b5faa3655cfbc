"""The named queries of `queries.sql` and the other files beside it, read once."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

_NAMED = re.compile(r"^-- name: (\w+)\n((?:-- [^\n]*\n)+)(.*?;)$", re.MULTILINE | re.DOTALL)


@cache
def queries() -> dict[str, str]:
    """Every query by its name, ready to run."""
    folder = files("tocsin.store.sqlite")
    names = ("queries.sql", "inbox.sql", "purge.sql", "batches.sql")
    text = "\n".join((folder / name).read_text(encoding="utf-8") for name in names)
    return {name: sql for name, _sentence, sql in _NAMED.findall(text)}
