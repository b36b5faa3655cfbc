"""Who may import whom, as tables, and the reading of a source tree against them.

`AREAS` and `SEES` are the tree. A new module needs a place in `AREAS`; until it has one, `breaches` names it.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

# Which modules make up an area. A name ending in ".*" is a package and all that is in it; the longest match
# wins.
AREAS: dict[str, list[str]] = {
    "tocsin": ["tocsin"],
    "words": [
        f"tocsin.{word}"
        for word in (
            "notification",
            "position",
            "principal",
            "app",
            "device",
            "idempotency",
            "receipt",
            "whereabouts",
            "delivery",
        )
    ],
    "errors": ["tocsin.errors"],
    "ownership": ["tocsin.ownership"],
    "config": ["tocsin.config"],
    "wire": ["tocsin.wire", "tocsin.strict_json"],
    "announcement": ["tocsin.announcement"],
    "ports": ["tocsin.ports", "tocsin.nodes"],
    "directory": ["tocsin.directory", "tocsin.unwritten"],
    "request": ["tocsin.request", "tocsin.request_log"],
    "clock": ["tocsin.clock"],
    "logs": ["tocsin.logs", "tocsin.supervisor", "tocsin.interpreter"],
    "metrics": ["tocsin.metrics", "tocsin.descriptors", "tocsin.loop_probe"],
    "samples": ["tocsin.samples"],
    "credentials": ["tocsin.credentials.*"],
    "path": ["tocsin.path.*"],
    "store": ["tocsin.store.*"],
    # What is done with a file that nobody runs on; opens no store.
    "examination": [
        "tocsin.broker.redis_examination",
        "tocsin.store.sqlite.examination",
        "tocsin.store.sqlite.restore",
        "tocsin.store.postgresql.examination",
        "tocsin.store.postgresql.copying",
    ],
    "broker": ["tocsin.broker.*"],
    # What many nodes share; with one process nothing of it runs.
    "cluster": ["tocsin.cluster.*"],
    "channels": ["tocsin.channels.*"],
    "live": [
        "tocsin.live",
        *(f"tocsin.live.{part}" for part in ("stream", "door", "broadcast_group", "hub", "form", "closing", "unread")),
    ],
    "live skins": ["tocsin.live.*"],
    "api": ["tocsin.api.*"],
    "web": ["tocsin.web.*"],
    "client": ["tocsin.client.*"],
    "cli": ["tocsin.cli", "tocsin.cli.*", "tocsin.__main__"],
    "server": ["tocsin.server", "tocsin.foundation", "tocsin.first_start"],
    "listening": ["tocsin.listening"],
}

# What an area may import of Tocsin, besides its own modules and the bare package. Imports go down only:
# server > api, web, live skins, cli > path > ports > words. Adapters (store, broker, channels) see neither
# the path, nor an edge, nor one another.
_EDGE = {"request", "words", "errors", "wire", "ports", "config", "directory", "credentials", "path"}
SEES: dict[str, set[str]] = {
    "tocsin": set(),
    "errors": set(),
    "words": {"errors"},
    "ownership": set(),
    "config": {"words", "errors", "ownership"},
    "wire": {"words", "errors"},
    "ports": {"words", "errors"},
    "directory": {"words", "errors", "ports"},
    "credentials": {"words", "errors", "ports", "config"},
    "path": {"words", "errors", "wire", "ports", "directory", "credentials", "config"},
    "announcement": {"words", "errors", "ports"},
    "store": {"words", "errors", "wire", "ports", "announcement", "ownership"},
    "examination": {"store", "broker", "errors"},
    "broker": {"words", "errors", "wire", "ports", "announcement"},
    "cluster": {"words", "errors", "ports", "announcement"},
    "channels": {"words", "errors", "wire", "ports"},
    "live": {"words", "errors", "wire", "ports"},
    "live skins": _EDGE | {"live"},
    # The whole URL table is one screen, and the stream is one of its lines.
    "api": _EDGE | {"live", "live skins"},
    "web": _EDGE,
    "client": {"words", "errors", "wire"},
    # `tocsin serve` is a command, so the command line starts what stands above it. `tocsin doctor` looks at files.
    "cli": _EDGE | {"client", "server", "examination", "ownership", "listening"},
    "request": {"words", "errors", "config", "credentials"},
    "listening": {"config", "errors"},
    "clock": set(),
    "logs": set(),
    "metrics": set(),
    "samples": {"words", "errors", "ports", "credentials", "path"},
    "server": set(AREAS) - {"tocsin", "cli", "client"},
}

# What is outside of Tocsin and belongs to a few areas only.
OWNED: dict[str, set[str]] = {
    "apsw": {"store", "examination"},
    "asyncpg": {"store", "broker", "examination"},
    "sqlite3": set(),  # the interpreter's own may be older than the WAL repair that the store relies on
    "redis": {"broker", "examination"},
    "joserfc": {"credentials"},
    "click": {"cli"},
    "starlette": {"api", "web", "live skins", "server"},
    "uvicorn": {"live skins", "server", "cli"},
    "uvloop": {"server", "cli"},
}

# What takes part in I/O, waits or reads a clock. A module
# that promises to do none of it must not even import it.
_IO = {"asyncio", "concurrent", "multiprocessing", "select", "selectors", "socket", "ssl", "subprocess"}
_IO |= {
    "threading",
    "http",
    "urllib",
    "apsw",
    "click",
    "httptools",
    "httpx2",
    "starlette",
    "uvicorn",
    "uvloop",
}
_IO |= {"websockets"}
_CLOCK_AND_CHANCE = {"time", "random", "secrets", "uuid"}
FREE_OF: dict[str, set[str]] = {
    "tocsin.cluster.tail": _IO | _CLOCK_AND_CHANCE,
    "words": _IO | _CLOCK_AND_CHANCE,
    "errors": _IO | _CLOCK_AND_CHANCE,
    "tocsin.live.stream": _IO | _CLOCK_AND_CHANCE,
}
# The exchange of the clients, without its I/O.
FREE_OF |= {
    f"tocsin.client.{module}": _IO | _CLOCK_AND_CHANCE
    for module in (
        "answer",
        "call",
        "calls",
        "confirming",
        "errors",
        "event",
        "exchange",
        "following",
        "inbox",
        "notification",
        "options",
        "request",
        "sending",
    )
}


def breaches(package: Path) -> Iterator[str]:
    """Each import below `package` (the folder of `tocsin`) that the tables do not allow, as a sentence."""
    known = {dotted(file, package): file for file in sorted(package.rglob("*.py"))}
    for module, file in known.items():
        area = area_of(module)
        if area is None:
            yield f"{module} has no place in AREAS: say there which area it belongs to"
            continue
        for line, target in imports(module, file, set(known)):
            reason = refusal(module, area, target)
            if reason:
                yield f"{module}, line {line}: {reason}"


def refusal(module: str, area: str, target: str) -> str | None:
    """Why `module` of `area` may not import `target`; None where it may."""
    top = target.split(".")[0]
    if top != "tocsin":
        if top in FREE_OF.get(module, set()) | FREE_OF.get(area, set()):
            return f"{target} does I/O, or reads a clock or chance, and {module} promises not to"
        if area not in OWNED.get(top, {area}):
            return f"{top} belongs to {' and '.join(sorted(OWNED[top])) or 'nobody'}, not to {area}"
        return None
    other = area_of(target)
    if other is None:
        return f"{target} has no place in AREAS"
    if other in SEES[area] | {area, "tocsin"}:
        return None
    return f"{area} does not see {other} ({target})"


def area_of(module: str) -> str | None:
    """The area of a dotted module name: an exact name first, then the nearest enclosing package."""
    owner = {pattern: area for area, patterns in AREAS.items() for pattern in patterns}
    if module in owner:
        return owner[module]
    parts = module.split(".")
    for length in range(len(parts), 1, -1):
        pattern = ".".join(parts[:length]) + ".*"
        if pattern in owner:
            return owner[pattern]
    return None


def imports(module: str, file: Path, known: set[str]) -> Iterator[tuple[int, str]]:
    """Line and dotted target of every import, at any depth of the code and also for types only."""
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(file.read_text(), str(file))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *([node.module] if node.module else [])])
            for target in dict.fromkeys(
                f"{base}.{alias.name}" if f"{base}.{alias.name}" in known else base for alias in node.names
            ):
                yield node.lineno, target
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in {"import_module", "__import__"} and isinstance(node.args[0].value, str):
                yield node.lineno, node.args[0].value


def dotted(file: Path, package: Path) -> str:
    parts = [package.name, *file.relative_to(package).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
