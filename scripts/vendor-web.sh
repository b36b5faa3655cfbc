#!/bin/sh
# Makes what the vendor folders of src/tocsin/web hold anew: Lit as one file, and the icons that are used as one sprite; for
# the admin pages uPlot.
#
# Needs npm. Change a version or an icon here, run it, and commit what it made.
set -eu

LIT=3.3.3
LUCIDE=1.62.0
ESBUILD=0.28.2
UPLOT=1.6.32
ICONS="archive arrow-left bell braces check check-check circle-alert circle-check copy cpu external-link inbox info layout-grid
    list-checks log-out mail mail-open monitor octagon-alert refresh-cw search settings shield siren sliders-horizontal
    triangle-alert undo-2 user volume-2 wifi wifi-off x cloud-off
    users key-round send activity radio scroll-text gauge plus trash-2
    menu file-search ban pause play"

web=$(cd "$(dirname "$0")/.." && pwd)/src/tocsin/web
vendor=$web/vendor
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund "lit@$LIT" "lucide-static@$LUCIDE" "esbuild@$ESBUILD" "uplot@$UPLOT" >/dev/null

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

{
    printf '/* uPlot %s (dist/uPlot.iife.min.js, made a module by its last line), Copyright (c) 2022 Leon Sorokin, MIT: see uplot.LICENSE */\n' "$UPLOT"
    sed '/^\/\*!/d' node_modules/uplot/dist/uPlot.iife.min.js
    printf '\nexport default uPlot;\n'
} >"$web/admin/vendor/uplot.js"
{
    printf '/* uPlot %s, Copyright (c) 2022 Leon Sorokin, MIT: see uplot.LICENSE */\n' "$UPLOT"
    cat node_modules/uplot/dist/uPlot.min.css
    echo
} >"$web/admin/vendor/uplot.css"
cp node_modules/uplot/LICENSE "$web/admin/vendor/uplot.LICENSE"
