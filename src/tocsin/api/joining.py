"""Joins the modules of the web app: what a page always needs goes out as one file and not as forty.

One text compresses better than its parts, and every file brings a head of its own: together a third of what a first
view takes. Modules are written, checked and debugged one by one; this is done when the server starts, in memory.

A joined file has each of its modules in a function of its own, those that it imports before it, and exports what each
gives as one object:

    const $inbox_days = (() => {
    …
    return { lines };
    })();

It takes modules as they are written here: imports and exports at the beginning of a line, by name, of relative paths.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from posixpath import dirname, join, normpath, relpath

import msgspec

BASES = ("client.js", "inbox/element.js", "inbox/over.js", "app/both.js")
"""Their files hold all that they import: importing them does nothing but that."""

PAGES = ("app/main.js", "element/index.js", "admin/main.js")
"""Their files hold what nothing else imports."""

_NOTES = re.compile(
    rb"^[ \t]*/\*\*(?:(?!\*/).)*\*/[ \t]*\n|/\*\* @type [^\n*]*\*/ ?|^[ \t]*//[^\n]*\n", re.DOTALL | re.MULTILINE
)
"""Comments for readers and the type check, a fifth of what would go over the wire. No line of a text that is shown may
begin with `//`."""

_IMPORT = re.compile(r'^import (?:(\{[^}]*\}|\w+) from )?"(\.[^"]+)";\n', re.MULTILINE)
_HANDED_ON = re.compile(r'^export (\{[^}]*\}) from "(\.[^"]+)";\n', re.MULTILINE)
_NAMED = re.compile(r"^export (\{[^}]*\});\n", re.MULTILINE)
_MADE = re.compile(r"^export (?=(?:async )?(?:class|const|function\*?) (\w+))", re.MULTILINE)
_LATER = re.compile(r'\bimport\("(\.[^"]+)"\)')
_LEFT = re.compile(r"^(?:import|export)\b(?!\().*", re.MULTILINE)
_HERE = "import.meta.url"


class Joined(msgspec.Struct, frozen=True):
    """The scripts as they go out.

    Attributes:
        files: by path.
        aside: of these, modules that are in another file: under their own path they only point there.
    """

    files: dict[str, bytes]
    aside: frozenset[str]


class _Module(msgspec.Struct, frozen=True):
    """A module taken apart.

    Attributes:
        body: its text without imports and exports.
        imports: what it imports at once, as the pattern of a destructuring and a path.
        later: what it imports when it is needed.
        exports: what it exports, as the properties of an object.
    """

    path: str
    body: str
    imports: list[tuple[str, str]]
    later: list[str]
    exports: list[str]

    @property
    def name(self) -> str:
        return "$" + re.sub(r"\W", "_", self.path.removesuffix(".js"))


def joined(scripts: dict[str, bytes], foreign: frozenset[str]) -> Joined:
    """Join scripts.

    Parameters:
        scripts: modules by path.
        foreign: paths of modules that stay as they are.

    Raises:
        ValueError: modules import each other in a circle, or one that is not there; or an import or export is not
            of the kind that is understood.
    """
    modules = {path: _taken_apart(path, text) for path, text in scripts.items()}
    owners = _owners(modules)
    files = {}
    for path in modules:
        held = [one for one in _in_order(path, modules) if owners[one] == path]
        files[path] = (
            _file(path, held, modules, owners, foreign) if held else _pointer(path, modules, owners)
        ).encode()
    return Joined(files, frozenset(path for path, owner in owners.items() if owner != path))


def _taken_apart(path: str, text: bytes) -> _Module:
    imports: list[tuple[str, str]] = []
    exports: list[str] = []

    def at(name: str) -> str:
        return normpath(join(dirname(path), name))

    def take(found: re.Match[str]) -> str:
        imports.append((_pattern(found[1] or ""), at(found[2])))
        return ""

    def hand_on(found: re.Match[str]) -> str:
        imports.append((_pattern(found[1]), at(found[2])))
        exports.extend(one.split(" as ")[-1].strip() for one in found[1].strip("{} ").split(","))
        return ""

    def give(found: re.Match[str]) -> str:
        exports.extend(one.strip() for one in found[1].strip("{} ").split(","))
        return ""

    def made(found: re.Match[str]) -> str:
        exports.append(found[1])
        return ""

    body = _NOTES.sub(b"", text).decode()
    for pattern, what in ((_IMPORT, take), (_HANDED_ON, hand_on), (_NAMED, give), (_MADE, made)):
        body = pattern.sub(what, body)
    if left := _LEFT.search(body):
        raise ValueError(f"{path}: what is this? {left[0]}")
    return _Module(path, body.strip("\n"), imports, [at(name) for name in _LATER.findall(body)], exports)


def _pattern(clause: str) -> str:
    return clause.replace(" as ", ": ") if clause.startswith("{") else f"{{ default: {clause} }}" if clause else ""


def _owners(modules: dict[str, _Module]) -> dict[str, str]:
    """By module: in whose file it is."""
    entries = [path for path in (*BASES, *PAGES) if path in modules]
    entries += sorted({path for module in modules.values() for path in module.later if path in modules} - set(entries))
    reached = {entry: set(_in_order(entry, modules)) for entry in entries}
    owners: dict[str, str] = {}
    for path in modules:
        by = [entry for entry in entries if path in reached[entry]]
        base = next((entry for entry in BASES if entry in by), None)
        if path in (*BASES, *PAGES):
            owners[path] = path
        elif base is not None:
            owners[path] = base
        else:
            owners[path] = by[0] if len(by) == 1 else path
    return owners


def _in_order(path: str, modules: dict[str, _Module]) -> list[str]:
    """A module and all that it imports at once, each after what it imports itself."""
    found: dict[str, bool] = {}

    def visit(at: str) -> Iterator[str]:
        if at not in modules or found.get(at):
            return
        if at in found:
            raise ValueError(f"{at} imports itself by way of others")
        found[at] = False
        for _, target in modules[at].imports:
            yield from visit(target)
        found[at] = True
        yield at

    return list(visit(path))


def _file(
    path: str, held: list[str], modules: dict[str, _Module], owners: dict[str, str], foreign: frozenset[str]
) -> str:
    lines: list[str] = []
    if not modules[path].imports and not modules[path].exports:
        return modules[path].body + "\n"  # no module
    wanted: dict[str, list[str]] = {}
    for one in held:
        for _, target in modules[one].imports:
            if target in foreign:
                wanted.setdefault(target, [])
            elif target not in modules:
                raise ValueError(f"{one} imports {target}, which is not there")
            elif target not in held:
                names = wanted.setdefault(owners[target], [])
                if modules[target].name not in names:
                    names.append(modules[target].name)
    for target, names in wanted.items():
        what = f"{{ {', '.join(names)} }}" if names else f"* as {_foreign(target)}"
        lines.append(f'import {what} from "{_from(path, target)}";')
    for one in held:
        lines += _inside(path, modules[one], foreign)
    lines.append(f"export {{ {', '.join(modules[one].name for one in held)} }};")
    if modules[path].exports:
        lines.append(f"export const {{ {', '.join(modules[path].exports)} }} = {modules[path].name};")
    return "\n".join(lines) + "\n"


def _inside(path: str, module: _Module, foreign: frozenset[str]) -> Iterator[str]:
    """A module as a function that gives what it exports, in the file of another."""
    yield f"const {module.name} = (() => {{"
    for pattern, target in module.imports:
        name = _foreign(target) if target in foreign else "$" + re.sub(r"\W", "_", target.removesuffix(".js"))
        if pattern:
            yield f"const {pattern} = {name};"
    body = _LATER.sub(
        lambda found: f'import("{_from(path, normpath(join(dirname(module.path), found[1])))}")', module.body
    )
    if module.path != path:
        body = body.replace(_HERE, f'new URL("{_from(path, module.path)}", {_HERE})')
    yield body
    yield f"return {{ {', '.join(module.exports)} }};"
    yield "})();"


def _pointer(path: str, modules: dict[str, _Module], owners: dict[str, str]) -> str:
    module = modules[path]
    return (
        f'import {{ {module.name} }} from "{_from(path, owners[path])}";\n'
        f"export const {{ {', '.join(module.exports)} }} = {module.name};\n"
    )


def _foreign(path: str) -> str:
    return "$" + re.sub(r"\W", "_", path)


def _from(path: str, target: str) -> str:
    way = relpath(target, dirname(path) or ".")
    return way if way.startswith(".") else f"./{way}"
