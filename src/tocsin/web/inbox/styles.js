import { css } from "../vendor/lit.js";
import { listStyles } from "./list-styles.js";

/** Colours, type and the controls; a page may set the custom properties on the element. */
export const controls = css`
  :host {
    --ground: var(--tocsin-ground, light-dark(#faf8f5, #141518));
    --card: var(--tocsin-card, light-dark(#ffffff, #1c1d21));
    --raised: light-dark(#ffffff, #26282e);
    --text: var(--tocsin-text, light-dark(#1f2126, #ececee));
    --quiet: var(--tocsin-quiet, light-dark(#5b5f69, #a4a8b3));
    --line: var(--tocsin-line, light-dark(#e6e2da, #303238));
    --edge: light-dark(#8b8880, #777b85);
    --accent: var(--tocsin-accent, light-dark(#9a3412, #fb9a54));
    --on-accent: light-dark(#ffffff, #20120a);
    --hover: color-mix(in srgb, var(--text) 5%, transparent);
    --info: light-dark(#1d5fae, #85b9f5);
    --success: light-dark(#18703c, #6fd39a);
    --warning: light-dark(#825300, #e9bf65);
    --error: light-dark(#b3261e, #f79a93);
    --emergency: light-dark(#9d174d, #ff8fb7);
    --shadow: 0 1px 2px rgb(0 0 0 / 8%), 0 8px 24px rgb(0 0 0 / 14%);
    --font: var(--tocsin-font, Inter, system-ui, "Segoe UI", Roboto, sans-serif);
    --mono: ui-monospace, "Cascadia Mono", Menlo, Consolas, monospace;

    display: block;
    block-size: 100%;
    min-block-size: 16rem;
    color-scheme: light dark;
    color: var(--text);
    font: 400 1rem/1.4 var(--font);
  }
  :host([hidden]) { display: none; }
  :host([theme="light"]) { color-scheme: light; }
  :host([theme="dark"]) { color-scheme: dark; }

  *, *::before, *::after { box-sizing: border-box; }
  .sprite { display: none; }
  .icon { inline-size: 1.125em; block-size: 1.125em; flex: none; fill: none; stroke: currentColor; stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; }
  .hidden { position: absolute; inline-size: 1px; block-size: 1px; margin: -1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
  bdi { unicode-bidi: isolate; }

  .info { --tone: var(--info); }
  .success { --tone: var(--success); }
  .warning { --tone: var(--warning); }
  .error { --tone: var(--error); }
  .emergency { --tone: var(--emergency); }

  button, input, select { font: inherit; color: inherit; }
  button { cursor: pointer; }
  button:disabled { cursor: default; opacity: 0.5; }
  :focus { outline: none; }
  :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }

  .button {
    display: inline-flex; align-items: center; justify-content: center; gap: 0.4rem;
    min-block-size: 2.25rem; padding: 0.3rem 0.75rem;
    border: 1px solid var(--line); border-radius: 0.6rem;
    background: var(--card);
    font-size: 0.875rem; font-weight: 550; white-space: nowrap;
  }
  .button:hover:not(:disabled) { background: color-mix(in srgb, var(--text) 6%, var(--card)); }
  .button.quiet { border-color: transparent; background: transparent; }
  .button.quiet:hover:not(:disabled) { background: var(--hover); }
  .button.strong { border-color: transparent; background: var(--accent); color: var(--on-accent); }
  .button.strong:hover { background: color-mix(in srgb, var(--text) 14%, var(--accent)); }
  .act {
    display: inline-grid; place-items: center; inline-size: 2.25rem; block-size: 2.25rem; padding: 0;
    border: 0; border-radius: 0.6rem; background: transparent; color: var(--quiet);
  }
  .act:hover { background: var(--hover); color: var(--text); }
  .link { padding: 0; border: 0; background: none; color: var(--accent); font-size: inherit; text-decoration: underline; }
  kbd {
    display: inline-block; min-inline-size: 1.5rem; padding: 0.05rem 0.35rem; border: 1px solid var(--line); border-block-end-width: 2px; border-radius: 0.35rem;
    background: var(--card); font: 0.75rem/1.4 var(--mono); text-align: center;
  }

  @media (prefers-reduced-motion: reduce) {
    *, *::before, *::after { animation: none !important; transition: none !important; scroll-behavior: auto !important; }
  }
`;

/** The frame, its head and its tools. */
const tools = css`
  .frame {
    container: frame / inline-size;
    position: relative; display: flex; flex-direction: column; block-size: 100%; overflow: hidden; background: var(--ground);
  }
  .head { display: block; }
  slot[name="empty"] { z-index: 1; display: grid; min-block-size: 0; min-inline-size: 0; }

  .toolbar .state { margin-inline-start: 0.25rem; }
  .state { display: flex; align-items: center; gap: 0.45rem; min-block-size: 1.75rem; color: var(--quiet); font-size: 0.8125rem; font-variant-numeric: tabular-nums; }
  .state .icon { display: none; }
  .pulse { inline-size: 0.55rem; block-size: 0.55rem; border-radius: 50%; background: var(--edge); }
  .state.live .pulse { background: var(--success); box-shadow: 0 0 0 0.2rem color-mix(in srgb, var(--success) 22%, transparent); }
  .state.catching-up .pulse, .state.connecting .pulse { background: var(--warning); animation: breathe 1.2s ease-in-out infinite; }
  .state.offline .pulse, .state.ended .pulse { background: var(--error); border-radius: 2px; }
  .state.offline .says, .state.ended .says { color: var(--error); font-weight: 600; }
  @keyframes breathe { 50% { opacity: 0.25; } }
  .gap {
    display: flex; flex-basis: 100%; align-items: center; gap: 0.6rem; margin: 0.5rem 1rem 0; padding: 0.35rem 0.35rem 0.35rem 0.75rem; border-radius: 0.6rem;
    background: color-mix(in srgb, var(--warning) 14%, var(--card)); font-size: 0.875rem;
  }
  .gap span { flex: 1; }
  .gap > .icon { color: var(--warning); }

  .toolbar { display: grid; gap: 0.6rem; padding: 0.75rem 1rem; border-block-end: 1px solid var(--line); }
  .toolbar .line { display: flex; flex-wrap: wrap; align-items: center; gap: 0.5rem 0.75rem; }
  .views { display: inline-flex; padding: 0.2rem; border-radius: 0.75rem; background: color-mix(in srgb, var(--text) 7%, transparent); }
  .view { padding: 0.3rem 0.8rem; min-block-size: 2rem; border: 0; border-radius: 0.6rem; background: transparent; color: var(--quiet); font-size: 0.875rem; font-weight: 600; white-space: nowrap; }
  .view:hover { color: var(--text); }
  .view[aria-pressed="true"] { background: light-dark(#ffffff, #3b3e47); color: var(--text); box-shadow: 0 1px 3px rgb(0 0 0 / 15%); }
  .count { margin-inline-start: 0.2rem; padding: 0.05rem 0.45rem; border-radius: 1rem; background: var(--accent); color: var(--on-accent); font-size: 0.75rem; font-variant-numeric: tabular-nums; }
  .search { position: relative; flex: 1 1 11rem; min-inline-size: 8rem; max-inline-size: 26rem; margin-inline-start: auto; }
  .search .icon { position: absolute; inset-block: 0; inset-inline-start: 0.75rem; margin-block: auto; color: var(--quiet); pointer-events: none; }
  .search input { inline-size: 100%; min-block-size: 2.4rem; padding: 0.35rem 0.75rem 0.35rem 2.4rem; border: 1px solid var(--edge); border-radius: 0.75rem; background: var(--card); font-size: 0.9375rem; }
  [dir="rtl"] .search input { padding: 0.35rem 2.4rem 0.35rem 0.75rem; }
  .search input::placeholder { color: var(--quiet); opacity: 1; }
  .more { display: none; }
  .more[aria-pressed="true"] { background: color-mix(in srgb, var(--accent) 12%, var(--card)); color: var(--accent); }
  .types { display: flex; flex-wrap: wrap; gap: 0.35rem; }
  .type { display: inline-flex; align-items: center; gap: 0.35rem; min-block-size: 2rem; padding: 0.2rem 0.65rem; border: 1px solid var(--line); border-radius: 2rem; background: transparent; font-size: 0.8125rem; }
  .type .icon { color: var(--tone); }
  .type:hover { background: var(--hover); }
  .type[aria-pressed="true"] { border-color: var(--tone); background: color-mix(in srgb, var(--tone) 14%, var(--card)); color: var(--tone); font-weight: 650; }
  .rest { display: flex; flex-wrap: wrap; align-items: center; gap: 0.35rem 0.5rem; margin-inline-start: auto; }
  select { min-block-size: 2.1rem; max-inline-size: 11rem; padding: 0.2rem 0.5rem; border: 1px solid var(--edge); border-radius: 0.6rem; background: var(--card); font-size: 0.8125rem; }
  .selection { display: flex; flex-wrap: wrap; align-items: center; gap: 0.25rem; padding: 0.6rem 1rem; border-block-end: 1px solid var(--line); background: color-mix(in srgb, var(--accent) 9%, var(--ground)); }
  .selection strong { margin-inline-end: auto; font-size: 0.9375rem; }

  @container frame (max-width: 46rem) {
    .type span, .rest .label { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); }
    .type { position: relative; inline-size: 2.25rem; block-size: 2.25rem; padding: 0; justify-content: center; }
    .rest .button, .selection .button { padding-inline: 0.55rem; }
  }
  @container frame (max-width: 34rem) {
    .toolbar, .selection { padding: 0.5rem 0.75rem; gap: 0.5rem; }
    .toolbar .line { flex-wrap: nowrap; }
    .selection .label { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); }
    .selection .button { position: relative; inline-size: 2.25rem; }
    .toolbar { grid-template-columns: minmax(0, 1fr) auto; }
    .toolbar .line:first-child { display: contents; }
    .state { grid-area: 1 / 1 / 2 / 3; min-block-size: 1.25rem; }
    .views { grid-area: 2 / 1 / 3 / 3; }
    .search { grid-area: 3 / 1; max-inline-size: none; inline-size: 100%; }
    .more { display: inline-flex; grid-area: 3 / 2; inline-size: 2.4rem; min-block-size: 2.4rem; padding: 0; border-color: var(--edge); }
    .toolbar .line.filters { grid-column: 1 / -1; flex-wrap: wrap; }
    .toolbar:not(.all-filters) .line.filters { display: none; }
    .view { flex: 1; padding-inline: 0.35rem; }
  }

  @media (forced-colors: active) {
    .row.open .slide, .view[aria-pressed="true"], .type[aria-pressed="true"] { outline: 2px solid Highlight; outline-offset: -2px; }
  }
`;

export const styles = [controls, tools, listStyles];
