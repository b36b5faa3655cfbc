#!/bin/sh
# Makes what src/tocsin/web/vendor holds anew: Lit as one file, and the icons that are used as one sprite.
#
# Needs npm. Change a version or an icon here, run it, and commit what it made.
set -eu

LIT=3.3.3
LUCIDE=1.62.0
ESBUILD=0.28.2
ICONS="archive arrow-left bell braces check check-check chevron-down circle-alert circle-check copy cpu external-link
    inbox info keyboard layout-grid list-checks log-out mail mail-open monitor moon octagon-alert refresh-cw rows-2 rows-3
    search settings shield siren sliders-horizontal sun triangle-alert undo-2 user volume-2 volume-x wifi wifi-off x
    cloud-off clock languages"

vendor=$(cd "$(dirname "$0")/.." && pwd)/src/tocsin/web/vendor
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund "lit@$LIT" "lucide-static@$LUCIDE" "esbuild@$ESBUILD" >/dev/null

cat >entry.js <<'END'
export { LitElement, html, svg, css, nothing } from "lit";
export { repeat } from "lit/directives/repeat.js";
export { live } from "lit/directives/live.js";
export { classMap } from "lit/directives/class-map.js";
END
npx esbuild entry.js --bundle --format=esm --minify --legal-comments=none --outfile=lit.js --log-level=error
{ printf '/* Lit %s, Copyright 2017 Google LLC, BSD-3-Clause: see lit.LICENSE */\n' "$LIT"; cat lit.js; } >"$vendor/lit.js"
cp node_modules/lit/LICENSE "$vendor/lit.LICENSE"

{
    printf '<svg xmlns="http://www.w3.org/2000/svg">\n<!-- Lucide %s, ISC: see icons.LICENSE -->\n' "$LUCIDE"
    for icon in $ICONS; do
        printf '<symbol id="%s" viewBox="0 0 24 24">' "$icon"
        sed -n '/^>$/,/^<\/svg>$/p' "node_modules/lucide-static/icons/$icon.svg" | sed '1d;$d;s/^ *//' | tr -d '\n'
        printf '</symbol>\n'
    done
    printf '</svg>\n'
} >"$vendor/icons.svg"
cp node_modules/lucide-static/LICENSE "$vendor/icons.LICENSE"
