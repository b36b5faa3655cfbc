#!/bin/sh
# Installs Debian packages: scripts/debian.sh PACKAGE…
#
# As root directly, else with sudo (which may ask for a password only where somebody can type it).
# Exit 1, with a sentence, where that is not possible: no apt-get, no sudo, no network.
set -eu

say() { printf '%s\n' "$*" >&2; }

if ! command -v apt-get >/dev/null 2>&1; then
    say "Not on a Debian system: please install what gives you: $*"
    exit 1
fi
if [ "$(id -u)" = 0 ]; then
    as_root=
elif ! command -v sudo >/dev/null 2>&1; then
    say "Neither root nor sudo here: please install $*"
    exit 1
elif [ -t 0 ]; then
    as_root=sudo
else
    as_root='sudo -n'
fi

say "Installing Debian packages: $*"
# A stale list names versions that the mirror no longer has; a list that cannot be renewed may still do.
$as_root apt-get -qq update >&2 || say "The package lists could not be renewed; trying with the old ones."
install() { $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends "$@" >&2; }
if install "$@"; then
    exit 0
fi
# One that this release does not have keeps all of them out: each by itself, then.
failed=
for package in "$@"; do
    install "$package" || failed="$failed $package"
done
[ -z "$failed" ] || { say "Could not install$failed"; exit 1; }
