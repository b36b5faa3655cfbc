#!/bin/sh
# Makes .venv what uv.lock says, and does nothing when it already is.
#
#   scripts/setup.sh run     the program with every extra
#   scripts/setup.sh test    that, and the tools that check and test it
#   scripts/setup.sh uv      prints the path of the uv that is used
#
# Needs Python 3.11 or newer and a network that reaches the package registry. PYTHON=… names an interpreter.
set -eu
unset CDPATH
cd "$(dirname "$0")/.."

# What the caller's shell has set must not redirect any of this to another project, folder or interpreter.
unset VIRTUAL_ENV CONDA_PREFIX PYTHONPATH PYTHONHOME PYTHONSTARTUP PIP_TARGET PIP_PREFIX PIP_USER PIP_REQUIRE_VIRTUALENV
unset UV_PROJECT UV_PROJECT_ENVIRONMENT UV_WORKING_DIRECTORY UV_WORKING_DIR UV_PYTHON UV_SYSTEM_PYTHON UV_LOCKED UV_FROZEN
unset UV_NO_SYNC UV_NO_DEV UV_DEV UV_NO_GROUP UV_NO_DEFAULT_GROUPS UV_NO_EDITABLE UV_ISOLATED UV_DRY_RUN UV_NO_BINARY
unset UV_NO_INSTALL_PROJECT UV_NO_PROJECT UV_VENV_CLEAR UV_MANAGED_PYTHON UV_CONSTRAINT UV_OVERRIDE UV_EXCLUDE_NEWER
export UV_PYTHON_DOWNLOADS=never UV_NO_PROGRESS=1

# uv trusts a list of its own; a network whose proxy signs with a certificate of its own is known to the system only.
if [ -e /etc/ssl/certs/ca-certificates.crt ] || [ -e /etc/pki/tls/certs/ca-bundle.crt ]; then
    export UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-1}"
fi

say() { printf '%s\n' "$*" >&2; }

good_python() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

find_python() {
    for candidate in ${PYTHON:+"$PYTHON"} python3 python3.14 python3.13 python3.12 python3.11 python; do
        if good_python "$candidate"; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    say "Tocsin needs Python 3.11 or newer, and none was found on PATH (python3 is: $(python3 --version 2>&1 | head -n 1))."
    say "Install one, or name it: PYTHON=/path/to/python3.12 make run"
    return 1
}

# An older uv may not read the lock file, so what is on PATH is used only from 0.8 on.
find_uv() {
    if command -v uv >/dev/null 2>&1 &&
        uv --version 2>/dev/null | awk '{ split($2, v, "."); ok = v[1] > 0 || v[2] >= 8 } END { exit !ok }'; then
        command -v uv
        return
    fi
    for candidate in .venv-uv/bin/uv .venv-uv/lib/bin/uv; do
        if "$candidate" --version >/dev/null 2>&1; then
            printf '%s\n' "$PWD/$candidate"
            return
        fi
    done
    return 1
}

# Debian ships Python without ensurepip, so `python3 -m venv` fails there until python3-venv is installed: try the
# interpreter's own pip next, then the package. pip's --target is allowed on an externally managed Python.
bring_uv() {
    python=$1
    wanted='uv>=0.9,<1'
    say "Bringing uv into .venv-uv …"
    rm -rf .venv-uv
    mkdir .venv-uv
    printf '*\n' >.venv-uv/.gitignore
    if "$python" -c 'import ensurepip' >/dev/null 2>&1 && "$python" -m venv .venv-uv >&2; then
        .venv-uv/bin/python -m pip install --quiet --disable-pip-version-check "$wanted" >&2
    elif "$python" -m pip --version >/dev/null 2>&1; then
        "$python" -m pip install --quiet --disable-pip-version-check --target .venv-uv/lib "$wanted" >&2
    else
        package=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
        say "$python has neither ensurepip nor pip."
        if ! scripts/debian.sh "$package"; then
            say "Install $package (or uv itself, https://docs.astral.sh/uv/) and run this again."
            return 1
        fi
        "$python" -m venv .venv-uv >&2
        .venv-uv/bin/python -m pip install --quiet --disable-pip-version-check "$wanted" >&2
    fi
}

ready_uv() {
    find_uv && return
    python=$(find_python)
    bring_uv "$python"
    find_uv || { say "uv was installed into .venv-uv but does not run."; return 1; }
}

# A stamp says where and from which files the environment was made. The place matters: the commands in .venv/bin carry
# its absolute path, so a checkout that was moved or copied needs a new one.
place=$(pwd -P)
wanted_stamp=$(printf '%s\n' "$place"; cat pyproject.toml uv.lock scripts/setup.sh | cksum)

is_ready() { [ -x .venv/bin/python ] && [ "$(cat ".venv/.ready-$1" 2>/dev/null)" = "$wanted_stamp" ]; }

stays() {
    good_python .venv/bin/python || return 1
    for stamp in .venv/.ready-run .venv/.ready-test; do
        [ ! -f "$stamp" ] || [ "$(head -n 1 "$stamp")" = "$place" ] || return 1
    done
}

sync() {
    uv=$(ready_uv)
    if ! stays; then
        python=$(find_python)
        "$uv" venv --quiet --clear --no-project --python "$python" .venv
    fi
    rm -f .venv/.ready-run .venv/.ready-test
    say "Bringing .venv to what uv.lock says …"
    "$uv" sync --quiet --frozen --all-extras "$@"
    printf '%s\n' "$wanted_stamp" >.venv/.ready-run
}

case ${1:-} in
run)
    # --inexact: the tools of an earlier `test` stay.
    is_ready run || is_ready test || sync --no-dev --inexact
    ;;
test)
    if ! is_ready test; then
        sync --all-groups
        printf '%s\n' "$wanted_stamp" >.venv/.ready-test
    fi
    ;;
uv) ready_uv ;;
*)
    say "usage: scripts/setup.sh run|test|uv"
    exit 2
    ;;
esac
