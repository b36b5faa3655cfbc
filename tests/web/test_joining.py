"""The scripts of the web app as they go out: joined, with every module as it was written in them."""

# ruff: noqa: E501 (modules as they are written)

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from harness.patience import PATIENCE
from tocsin.api.joining import joined

WEB = Path(__file__).parents[2] / "src" / "tocsin" / "web"
FOREIGN = frozenset({"vendor/lit.js"})


def files(**texts: str) -> dict[str, bytes]:
    """Scripts by path; `__` stands for a slash."""
    return {f"{name.replace('__', '/')}.js": text.encode() for name, text in texts.items()}


def run(folder: Path, made: dict[str, bytes], entry: str) -> object:
    """What Node gets out of an entry's `told`."""
    for path, body in {
        **made,
        "vendor/lit.js": b"export const lit = 'lit';\n",
        "package.json": b'{"type": "module"}',
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(body)
    script = f"import {{ told }} from './{entry}'; console.log(JSON.stringify(await told()));"
    ran = subprocess.run(
        ["node", "--input-type=module", "-e", script],
        cwd=folder, capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_a_page_and_its_modules_do_in_one_file_what_they_did_in_many(tmp_path: Path) -> None:
    made = joined(
        files(
            client='export { one as first } from "./client/one.js";\n',
            client__one="/** Notes for readers. */\n// Notes\nexport const one = 1;\n",
            inbox__element=(
                'import { lit } from "../vendor/lit.js";\nimport { two, same as other } from "./two.js";\n'
                'import { first } from "../client.js";\nconst same = "mine";\n'
                "export function told() { return later(); }\n"
                'async function later() { const { three } = await import("./three.js");\n'
                "  return [lit, first, two, other, same, three(), await three.asked()]; }\n"
            ),
            inbox__two='const same = "theirs";\nexport { same };\nexport const two = new URL("./x.txt", import.meta.url).pathname.split("/").at(-2);\n',
            inbox__three=(
                'import { two } from "./two.js";\nexport const three = () => two;\n'
                'three.asked = async () => (await import("./two.js")).two === two;\n'
            ),
        ),
        FOREIGN,
    )
    assert made.aside == {"client/one.js", "inbox/two.js"}
    assert run(tmp_path, made.files, "inbox/element.js") == ["lit", 1, "inbox", "theirs", "mine", "inbox", True]
    assert b"Notes" not in b"".join(made.files.values())


def test_what_two_pages_need_runs_once_and_in_neither(tmp_path: Path) -> None:
    made = joined(
        files(
            app__main='import { shared } from "./shared.js";\nglobalThis.ran = "app";\nexport const told = () => shared;\n',
            admin__main='import { shared } from "../app/shared.js";\nexport const told = () => [shared, globalThis.ran ?? null];\n',
            app__shared="export const shared = 7;\n",
            app__theme="document.title;\n",
        ),
        FOREIGN,
    )
    assert made.aside == frozenset()
    assert run(tmp_path, made.files, "admin/main.js") == [7, None]
    assert made.files["app/theme.js"] == b"document.title;\n", "a script that is no module stays one"


def test_a_circle_and_a_module_that_is_not_there_are_refused() -> None:
    with pytest.raises(ValueError, match="imports itself"):
        joined(
            files(
                a='import { b } from "./b.js";\nexport const a = 1;\n',
                b='import { a } from "./a.js";\nexport const b = 1;\n',
            ),
            FOREIGN,
        )
    with pytest.raises(ValueError, match=r"gone\.js, which is not there"):
        joined(files(a='import { b } from "./gone.js";\n'), FOREIGN)


@pytest.mark.parametrize(
    "line", ["export default 1;", 'import * as all from "./b.js";', "export let a = 1;", 'export * from "./b.js";']
)
def test_an_import_or_export_of_another_kind_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="what is this"):
        joined(files(a=f"{line}\n", b="export const b = 1;\n"), FOREIGN)


def test_every_module_is_in_one_file_and_nothing_of_it_is_lost() -> None:
    """What is not understood would go out as it is, and break the page: a word at the beginning of a line tells."""
    scripts = {
        str(path.relative_to(WEB)): path.read_bytes()
        for path in WEB.rglob("*.js")
        if "vendor" not in path.parts and "docs" not in path.parts and path.name != "worker.js"
    }
    vendored = frozenset(str(path.relative_to(WEB)) for path in WEB.rglob("vendor/*.js"))
    made = joined(scripts, vendored)
    assert len(made.aside) > 40
    whole = b"".join(made.files.values()).decode()
    for path, text in scripts.items():
        name = "$" + path.removesuffix(".js").replace("/", "_").replace("-", "_")
        if b"export" in text:
            assert whole.count(f"const {name} = (() => {{") == 1, path
    for line in whole.splitlines():
        if line.startswith("import "):
            assert line.endswith('.js";'), line
        if line.startswith("export "):
            assert line.startswith(("export { $", "export const { ")), line


def test_no_line_that_is_taken_for_a_comment_is_one_of_a_text() -> None:
    """A text over several lines stands between backquotes; within one, a line that begins with `//` would be lost."""
    for path in WEB.rglob("*.js"):
        if "vendor" in path.parts or "docs" in path.parts:
            continue
        before = ""
        for line in path.read_text().splitlines(keepends=True):
            assert not line.lstrip().startswith("//") or before.count("`") % 2 == 0, f"{path.name}: {line}"
            before += line
