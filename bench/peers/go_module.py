"""Builds a peer from its Go module at a pinned version, by the module proxy that the go command is set up for."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.native import BUILD, CannotMeasureError

HERE = BUILD / "peers"
BUILD_SECONDS = 3600.0


def built_from_module(
    name: str,
    module: str,
    version: str,
    *,
    prepare: Callable[[Path], None] | None = None,
    package: str = ".",
    flags: Sequence[str] = (),
) -> Path:
    """The program that is `package` of `module`, built once; one that is already there is used as it is.

    The module is copied from the module cache, which nobody may write to; `prepare` puts into the copy what the
    published module lacks. Raises CannotMeasureError without go, without the module, or when it does not compile.
    """
    binary = HERE / f"{name}-{version}"
    if binary.exists():
        return binary
    source = HERE / f"{name}-{version}-source"
    shutil.rmtree(source, ignore_errors=True)
    HERE.mkdir(parents=True, exist_ok=True)
    told = json.loads(_go(["mod", "download", "-json", f"{module}@{version}"], HERE))
    shutil.copytree(told["Dir"], source, copy_function=shutil.copyfile)
    for folder in (source, *(path for path in source.rglob("*") if path.is_dir())):
        folder.chmod(0o755)
    if prepare:
        prepare(source)
    _go(["build", *flags, "-o", str(binary), package], source)
    shutil.rmtree(source)
    return binary


def _go(arguments: Sequence[str], folder: Path) -> str:
    go = shutil.which("go")
    if go is None:
        raise CannotMeasureError("go not found")
    environment = os.environ | {"GOWORK": "off", "GOFLAGS": "-mod=mod"}
    try:
        ended = subprocess.run(
            [go, *arguments],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=BUILD_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise CannotMeasureError(f"go {arguments[0]} did not end in {BUILD_SECONDS:.0f} s") from None
    if ended.returncode:
        raise CannotMeasureError(f"go {' '.join(arguments[:2])}: {_said(ended.stderr or ended.stdout)[-300:]}")
    return ended.stdout


def _said(output: str) -> str:
    """What went wrong, on one line, without the addresses that were asked."""
    if output.startswith("{"):
        output = str(json.loads(output).get("Error", output))
    lines = [line for line in output.splitlines() if not line.startswith("go: downloading")]
    return re.sub(r"(?:reading )?https?://\S+ ?", "", " ".join(lines))
