import { css } from "../vendor/lit.js";

/** The list. */
export const listStyles = css`
  .panes { position: relative; display: grid; flex: 1; min-block-size: 0; grid-template: minmax(0, 1fr) / minmax(0, 1fr); }
  .left { position: relative; display: grid; min-inline-size: 0; min-block-size: 0; background: var(--card); }
  .left > * { grid-area: 1 / 1; }
  .right { display: none; min-inline-size: 0; min-block-size: 0; overflow-y: auto; background: var(--ground); }
  .frame.opened .left { display: none; }
  .frame.opened .right { display: block; }
  @container frame (min-width: 56rem) {
    .panes { grid-template-columns: minmax(24rem, 5fr) minmax(0, 6fr); }
    .left { border-inline-end: 1px solid var(--line); }
    .right, .frame.opened .right { display: block; }
    .frame.opened .left { display: grid; }
  }

  tocsin-rows:focus-visible { outline-offset: -3px; }
  tocsin-rows { display: block; position: relative; overflow-y: auto; overflow-anchor: none; min-block-size: 0; block-size: 100%; overscroll-behavior: contain; font-size: 1rem; }
  .all { position: relative; min-block-size: 1px; }
  .sticky { position: sticky; inset-block-start: 0; z-index: 2; block-size: 0; }
  .sticky span { display: flex; align-items: center; block-size: 2.25rem; padding-inline: 1rem; background: var(--card); border-block-end: 1px solid var(--line); color: var(--quiet); font-size: 0.8125rem; font-weight: 650; }
  .day { position: absolute; inset-inline: 0; display: flex; align-items: center; padding-inline: 1rem; border-block-end: 1px solid var(--line); background: var(--card); }
  .day h2 { margin: 0; color: var(--quiet); font-size: 0.8125rem; font-weight: 650; }

  .row { position: absolute; inset-inline: 0; overflow: hidden; border-block-end: 1px solid var(--line); touch-action: pan-y; }
  .under { position: absolute; inset: 0; display: flex; align-items: center; justify-content: center; background: color-mix(in srgb, var(--accent) 20%, var(--card)); color: var(--accent); visibility: hidden; }
  .slide { position: relative; display: flex; align-items: stretch; block-size: 100%; background: var(--card); transition: transform 0.15s; }
  .slide.swiped { transition: none; box-shadow: var(--shadow); }
  .row:has(.swiped) .under { visibility: visible; }
  .row .main { flex: 1; display: flex; align-items: center; gap: 0.75rem; min-inline-size: 0; padding: 0 1rem 0 0; border: 0; background: transparent; text-align: start; font-size: 1rem; }
  [dir="rtl"] .row .main { padding: 0 0 0 1rem; }
  .row .main:focus-visible { outline: none; }
  .row:has(.main:focus-visible) .slide { outline: 2px solid var(--accent); outline-offset: -3px; }
  .row:hover .slide, .row.current:focus-within .slide { background: color-mix(in srgb, var(--text) 3.5%, var(--card)); }
  .row.row.open .slide, .row.row.open .slide .acts { background: color-mix(in srgb, var(--accent) 9%, var(--card)); }
  .row.row.row.selected .slide { background: color-mix(in srgb, var(--accent) 13%, var(--card)); }
  .row.unread .slide::before { content: ""; position: absolute; inset-block: 0; inset-inline-start: 0; inline-size: 0.22rem; background: var(--tone); }

  .pick { display: grid; place-items: center; flex: none; inline-size: 2.5rem; cursor: pointer; }
  .pick input { inline-size: 1.05rem; block-size: 1.05rem; margin: 0; accent-color: var(--accent); opacity: 0.45; cursor: pointer; }
  .row:hover .pick input, .pick input:checked, .pick input:focus-visible, .row.selecting .pick input, .row.current:focus-within .pick input { opacity: 1; }
  @media (hover: hover) { .row:not(:hover, :focus-within, .selecting) .pick input { opacity: 0; } }

  .badge { display: grid; place-items: center; flex: none; inline-size: 2.4rem; block-size: 2.4rem; border-radius: 0.75rem; background: color-mix(in srgb, var(--tone) 13%, var(--card)); color: var(--tone); }
  .row:not(.unread) .badge { background: transparent; }
  .emergency.row .badge { background: var(--tone); color: var(--card); }
  .badge .icon { inline-size: 1.25rem; block-size: 1.25rem; }
  .lines { display: grid; flex: 1; gap: 0.05rem; min-inline-size: 0; }
  .first { display: flex; align-items: baseline; gap: 0.75rem; min-inline-size: 0; }
  /* The text runs, and is cut off, in its own direction, but stands on the side of the page's. */
  .title, .message { display: block; min-inline-size: 0; }
  .title bdi, .message bdi { display: block; overflow: hidden; text-align: left; text-overflow: ellipsis; white-space: nowrap; }
  [dir="rtl"] :is(.title, .message) bdi { text-align: right; }
  .title { flex: 1; color: var(--quiet); }
  .unread .title { color: var(--text); font-weight: 650; }
  .first time { flex: none; color: var(--quiet); font-size: 0.75rem; font-variant-numeric: tabular-nums; }
  .message { color: var(--quiet); font-size: 0.875rem; }
  .about { display: flex; align-items: center; gap: 0.3rem 0.6rem; min-inline-size: 0; font-size: 0.75rem; }
  .word { flex: none; color: var(--tone); font-weight: 650; }
  .chip { display: inline-flex; align-items: center; gap: 0.25rem; min-inline-size: 0; color: var(--quiet); }
  .chip .icon { inline-size: 0.85rem; block-size: 0.85rem; }
  .chip bdi { overflow: hidden; max-inline-size: 14rem; text-overflow: ellipsis; white-space: nowrap; }

  .row .acts { display: flex; align-items: center; flex: none; padding-inline-end: 0.5rem; }
  @media (hover: hover) {
    .row .acts { position: absolute; inset-block: 4px; inset-inline-end: 4px; padding-inline: 1.25rem 0.5rem; opacity: 0; pointer-events: none; background: linear-gradient(to right, transparent, color-mix(in srgb, var(--text) 3.5%, var(--card)) 1.25rem); }
    [dir="rtl"] .row .acts { background: linear-gradient(to left, transparent, color-mix(in srgb, var(--text) 3.5%, var(--card)) 1.25rem); }
    .row:hover .acts, .row.current:focus-within .acts { opacity: 1; pointer-events: auto; }
    .row:hover time, .row.current:focus-within time { display: none; }
    .row:hover .lines, .row.current:focus-within .lines { padding-inline-end: 5rem; }
  }
  @media (hover: none) { .row .acts .act:not(:first-child, [data-do="acknowledge"]) { display: none; } .row .acts .act { inline-size: 2.5rem; block-size: 2.5rem; } .row .main { padding-inline-end: 0.25rem; } }

  :host([density="compact"]) .row .badge { inline-size: 1.9rem; block-size: 1.9rem; border-radius: 0.6rem; }
  :host([density="compact"]) .row .lines { grid-template-columns: minmax(0, 1fr) auto; align-items: baseline; column-gap: 0.75rem; }
  :host([density="compact"]) .row .first { grid-column: 1 / -1; font-size: 0.9375rem; }
  :host([density="compact"]) .row .message { font-size: 0.8125rem; }
  :host([density="compact"]) .row .chip { display: none; }

  .fresh { position: relative; z-index: 3; place-self: start center; margin-block-start: 2.75rem; border-radius: 2rem; border-color: transparent; background: var(--accent); color: var(--on-accent); box-shadow: var(--shadow); }
  .fresh.button:hover:not(:disabled) { background: color-mix(in srgb, var(--text) 14%, var(--accent)); }
  .instead { z-index: 1; align-self: center; padding: 2rem; color: var(--quiet); text-align: center; background: var(--card); }
  .instead.problem { color: var(--error); }
  .instead.loading { animation: appear 0.2s 0.4s both; }
  @keyframes appear { from { opacity: 0; } }

  .nothing-open { display: grid; justify-items: center; align-content: center; gap: 1rem; min-block-size: 100%; padding: 2rem; color: var(--quiet); text-align: center; }
  .nothing-open p { margin: 0; }
  .large-icon { display: grid; place-items: center; inline-size: 4.5rem; block-size: 4.5rem; border-radius: 1.5rem; background: color-mix(in srgb, var(--accent) 12%, var(--ground)); color: var(--accent); }
  .large-icon .icon { inline-size: 2.25rem; block-size: 2.25rem; stroke-width: 1.6; }
  .keys { display: grid; grid-template-columns: repeat(2, auto); gap: 0.45rem 2rem; margin: 0.5rem 0 0; font-size: 0.8125rem; text-align: start; }
  .keys div { display: flex; align-items: center; gap: 0.6rem; }
  .keys dt { display: flex; gap: 0.2rem; min-inline-size: 5rem; justify-content: flex-end; }
  .keys dd { margin: 0; }
  @media (hover: none) { .keys { display: none; } }

  @container frame (max-width: 34rem) {
    .pick { inline-size: 2rem; }
    .row .main { gap: 0.6rem; }
  }
`;
