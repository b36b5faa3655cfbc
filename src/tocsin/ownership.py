"""Whose the files of a data folder are: what is wrong is most often that they were written as somebody else."""

from __future__ import annotations

import errno
import os
import pwd
import shlex
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_WRITTEN = ("tocsin.db*", "search.db*", "tocsin.lock", "first-superuser.txt")
"""What the server writes in its folder. `tocsin.toml` may well be somebody else's, as long as it can be read."""


def ownership_trouble(folder: Path) -> str:
    """Why a server that runs as this process does could not use the folder, where that is a matter of owners.

    Parameters:
        folder: the data folder.

    Returns:
        Who owns what, and the `chown` to do; empty where all is of one owner, or the folder is not there.
    """
    try:
        owner = folder.stat().st_uid
    except OSError:
        return ""
    user = os.geteuid()
    found = list(_owned(folder))
    # Root can open everything: what counts then is that the folder's owner can.
    right = user or owner
    if user and owner != user and all(whose == owner for _, whose in found):
        return (
            f"{folder} and what is in it belong to {_name(owner)}, and this runs as {_name(user)}: run it as"
            f" {_name(owner)}; or, if {_name(user)} is the right user for it, {_chown(user, folder)}"
        )
    others: dict[int, list[str]] = {}
    for path, whose in found:
        if whose != right:
            others.setdefault(whose, []).append(path.name)
    says = [f"{folder} belongs to {_name(owner)}"] if owner != right else []
    says += [f"{', '.join(names)} in {folder} belong to {_name(whose)}" for whose, names in others.items()]
    if not says:
        return ""
    if right == 0 and others:
        # Nobody but root can open root's folder, and root can open what is somebody else's.
        right = min(others)
    why = f"this runs as {_name(user)}" if user else f"the folder is {_name(owner)}'s"
    return f"{'; '.join(says)}, and {why}: {_chown(right, folder)}"


def why_not_opened(path: Path, error: OSError) -> str:
    """What the system said of a file in the data folder, and what to do where owners or the disk are the reason.

    Parameters:
        path: the file.
        error: with the number of what went wrong; one without a number is asked of the file system.
    """
    said = error.strerror or str(error)
    if error.errno == errno.EROFS or (error.errno is None and _is_read_only(path.parent)):
        return f"its file system is mounted read-only ({said})"
    trouble = ownership_trouble(path.parent)
    return f"{said}; {trouble}" if trouble else said


def _owned(folder: Path) -> Iterator[tuple[Path, int]]:
    for pattern in _WRITTEN:
        for path in sorted(folder.glob(pattern)):
            try:
                yield path, path.lstat().st_uid
            except OSError:
                continue
    settings = folder / "tocsin.toml"
    try:
        with settings.open("rb"):
            return
    except PermissionError:
        with suppress(OSError):
            yield settings, settings.stat().st_uid
    except OSError:
        return


def _is_read_only(folder: Path) -> bool:
    try:
        return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
    except OSError:
        return False


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"user {user}"


def _chown(user: int, folder: Path) -> str:
    try:
        name = pwd.getpwuid(user).pw_name
    except KeyError:
        name = str(user)
    # A folder that is not yet Tocsin's may be anything, and full of what is none of its business.
    try:
        deep = any(entry.startswith("tocsin.db") for entry in os.listdir(folder))
    except OSError:
        deep = True
    return f"chown {'-R ' if deep else ''}{name} {shlex.quote(str(folder))} (as root)"
