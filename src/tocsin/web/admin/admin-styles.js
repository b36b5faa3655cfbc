import { css } from "../vendor/lit.js";
import { appStyles } from "../app/both.js";
import { overStyles } from "../inbox/over-styles.js";
import { styles } from "../inbox/styles.js";

/** The frame: head, ways, page. */
const frame = css`
  :host { block-size: auto; min-block-size: 100vh; min-block-size: 100dvh; }
  [hidden] { display: none !important; }
  .app.admin { block-size: auto; min-block-size: 100vh; min-block-size: 100dvh; }
  .brand { gap: 0.6rem; white-space: nowrap; }
  .quiet { color: var(--quiet); }
  .button.quiet { color: var(--text); }
  .around { display: grid; flex: 1; grid-template-columns: 13.5rem minmax(0, 1fr); align-items: stretch; }
  .side { background: var(--card); border-inline-end: 1px solid var(--line); padding: 1rem 0.75rem; align-items: start; }
  .side ul { position: sticky; inset-block-start: 1rem; display: grid; gap: 0.15rem; inline-size: 100%; margin: 0; padding: 0; list-style: none; }
  .side a { display: flex; align-items: center; gap: 0.7rem; padding: 0.55rem 0.75rem; border-radius: 0.65rem; color: var(--quiet); font-size: 0.9375rem; font-weight: 600; text-decoration: none; }
  .side a:hover { background: var(--hover); color: var(--text); }
  .side a[aria-current] { background: color-mix(in srgb, var(--accent) 12%, var(--card)); color: var(--accent); }
  .menu { display: none; }
  main { display: block; inline-size: 100%; max-inline-size: 76rem; min-inline-size: 0; padding: 1.5rem 2rem 5rem; }
  main.door { display: grid; max-inline-size: none; min-block-size: 100vh; min-block-size: 100dvh; }
  main.door p { margin: 0; }
  main > * { display: block; }
  main h1 { margin: 0; font-size: 1.625rem; line-height: 1.2; letter-spacing: -0.02em; overflow-wrap: anywhere; }
  main h1:focus-visible { outline: none; }
  main h2 { margin: 0; font-size: 1.0625rem; overflow-wrap: anywhere; }
  main h3 { margin: 0; color: var(--quiet); font-size: 0.875rem; }
  .heading { display: flex; flex-wrap: wrap; align-items: center; justify-content: space-between; gap: 0.75rem; }
  main > * > .heading { min-block-size: 2.5rem; margin-block-end: 1.25rem; }
  .up { display: inline-flex; align-items: center; gap: 0.35rem; margin-block-end: 0.6rem; font-size: 0.875rem; text-decoration: none; }
  [dir="rtl"] .up .icon { transform: scaleX(-1); }
  .link { overflow-wrap: anywhere; }
  code { font: 0.8125rem/1.4 var(--mono); overflow-wrap: anywhere; }
  main p { max-inline-size: 46rem; margin: 0 0 1rem; }
  .line { display: flex; flex-wrap: wrap; align-items: center; gap: 0.6rem; }
  .button { text-decoration: none; color: inherit; }
  .button.strong { color: var(--on-accent); }
  .button.danger { border-color: color-mix(in srgb, var(--error) 45%, var(--line)); color: var(--error); }
  .button.danger:hover:not(:disabled) { background: color-mix(in srgb, var(--error) 10%, var(--card)); }
  .button[aria-disabled="true"] { opacity: 0.6; }
  .button[aria-pressed="true"] { border-color: var(--accent); color: var(--accent); }
  .told { position: fixed; }
  .card.no-superuser { display: grid; justify-items: center; gap: 0.9rem; inline-size: min(100%, 30rem); padding: 2.25rem 1.75rem; text-align: center; }
  .no-superuser .line { justify-content: center; }
  .no-superuser .button { white-space: normal; }
  .question { inline-size: min(27rem, 100vw - 1.5rem); }
  .question h2 { font-size: 1.0625rem; font-weight: 600; line-height: 1.4; white-space: pre-wrap; overflow-wrap: anywhere; }
  .question .line { justify-content: flex-end; }

  @media (max-width: 54rem) {
    .around { grid-template-columns: minmax(0, 1fr); grid-template-rows: auto 1fr; }
    .side { display: block; padding: 0.5rem 0.75rem; border-inline-end: 0; border-block-end: 1px solid var(--line); }
    .menu { display: inline-flex; inline-size: 100%; justify-content: flex-start; gap: 0.6rem; min-block-size: 2.5rem; font-size: 0.9375rem; font-weight: 650; }
    nav .button.menu { inline-size: 100%; padding-inline: 0.75rem; }
    nav .button.menu span { position: static; inline-size: auto; block-size: auto; clip-path: none; }
    .side ul { position: static; display: none; padding-block-start: 0.5rem; }
    .side.open ul { display: grid; grid-template-columns: repeat(auto-fill, minmax(8.5rem, 1fr)); }
    main { padding: 1rem 0.75rem 5rem; }
    main h1 { font-size: 1.375rem; }
  }
  @media (max-width: 24rem) {
    .brand .quiet { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); }
  }
`;

/** What stands on the pages. */
const contents = css`
  .card { display: block; margin-block-end: 1.25rem; padding: 1.25rem; border: 1px solid var(--line); border-radius: 1rem; background: var(--card); }
  .card > :last-child { margin-block-end: 0; }
  .card > h2, .card > .heading { margin-block-end: 0.75rem; }
  .card > h3 { margin-block: 1rem 0.5rem; }
  form.card { display: grid; gap: 1rem; }
  form.card > h2, form.card > p { margin: 0; }
  .pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 15rem), 1fr)); gap: 1rem; align-items: start; }
  .inline { display: flex; flex-wrap: wrap; align-items: end; gap: 0.6rem; margin-block-end: 1.25rem; }
  form.card.inline { display: flex; }
  .inline .field { flex: 1 1 12rem; max-inline-size: 26rem; }
  .inline .button { min-block-size: 2.75rem; }
  .inline:has(.problem) { align-items: center; }
  .field { min-inline-size: 0; align-content: start; }
  .field textarea { min-block-size: 2.75rem; padding: 0.6rem 0.8rem; border: 1px solid var(--edge); border-radius: 0.7rem; background: var(--ground); color: inherit; font: inherit; inline-size: 100%; resize: vertical; }
  .field.mono textarea { font: 0.875rem/1.5 var(--mono); }
  .field textarea[aria-invalid="true"] { border-color: var(--error); box-shadow: 0 0 0 1px var(--error); }
  .field [dir="auto"] { unicode-bidi: plaintext; }
  .field input::placeholder { color: var(--quiet); opacity: 1; }
  .optional { color: var(--quiet); font-weight: 400; }
  .hint { color: var(--quiet); font-size: 0.8125rem; }
  .switch .problem { color: var(--error); }
  .foot { display: flex; flex-wrap: wrap; align-items: center; justify-content: center; gap: 0.75rem; margin: 1rem 0; text-align: center; }
  .foot p { margin: 0; }
  p.foot { max-inline-size: none; }
  .good.notice { display: flex; gap: 0.5rem; font-size: 0.9375rem; }

  .entries { display: block; margin: 0; padding: 0; overflow: hidden; border: 1px solid var(--line); border-radius: 1rem; background: var(--card); list-style: none; }
  .entries:empty, .entries:not(:has(li)) { display: none; }
  .entries.inner { border-radius: 0.75rem; background: var(--ground); }
  .entries li + li { border-block-start: 1px solid var(--line); }
  .entry { display: flex; align-items: center; gap: 0.5rem 0.9rem; min-inline-size: 0; padding: 0.7rem 1rem; color: inherit; text-decoration: none; --tone: var(--accent); }
  .entry.info { --tone: var(--info); } .entry.success { --tone: var(--success); } .entry.warning { --tone: var(--warning); } .entry.error { --tone: var(--error); } .entry.emergency { --tone: var(--emergency); }
  a.entry:hover { background: var(--hover); }
  .entry:focus-visible { outline-offset: -3px; border-radius: 1rem; }
  .entry .name { font-weight: 650; }
  .entry .lines > bdi, .entry .lines > span { min-inline-size: 0; overflow-wrap: anywhere; }
  .entry .quiet { font-size: 0.8125rem; }
  .entry .first .name { flex: 1; min-inline-size: 0; overflow: hidden; text-align: left; text-overflow: ellipsis; white-space: nowrap; }
  [dir="rtl"] .entry .first .name { text-align: right; }
  .field > span:empty { display: none; }
  .entry .about { flex-wrap: wrap; margin-block-start: 0.15rem; }
  .entry.withdrawn .name, .entry.withdrawn .message { text-decoration: line-through; }
  .entry .none { color: var(--warning); }
  .chips { display: flex; flex-wrap: wrap; align-items: center; justify-content: flex-end; gap: 0.35rem; font-size: 0.8125rem; }
  .tag { margin: 0; padding: 0.1rem 0.6rem; background: color-mix(in srgb, var(--tone, var(--text)) 10%, transparent); color: var(--tone, var(--text)); font-size: 0.75rem; font-weight: 600; white-space: nowrap; }
  .entry .tag:not(.info, .success, .warning, .error), .table .tag:not(.info, .success, .warning, .error) { --tone: var(--text); }
  .tag.accent.accent { --tone: var(--accent); }
  .facts .tag { white-space: normal; overflow-wrap: anywhere; }

  .table { inline-size: 100%; border: 1px solid var(--line); border-radius: 1rem; border-spacing: 0; background: var(--card); font-size: 0.875rem; overflow: hidden; }
  .table th { padding: 0.6rem 0.75rem; border-block-end: 1px solid var(--line); color: var(--quiet); font-size: 0.75rem; text-align: start; white-space: nowrap; }
  .table td { padding: 0.55rem 0.75rem; vertical-align: top; overflow-wrap: anywhere; }
  .table tbody tr + tr td { border-block-start: 1px solid var(--line); }
  .table time { white-space: nowrap; font-variant-numeric: tabular-nums; }
  .table .of { display: none; }
  /* One long word takes not all the room of the other columns, whose words would be torn apart. */
  .table td { min-inline-size: min(6.25rem, 8vw); }
  .table .cell { display: inline-block; max-inline-size: 26rem; }
  .table .link .icon { margin-inline-end: 0.3rem; vertical-align: -0.15em; }
  .table + .quiet, .entries + .quiet, [role="status"] + .table { margin-block-start: 0.9rem; }
  .card .table { border-radius: 0.75rem; background: var(--ground); }
  @media (max-width: 54rem) {
    .table, .table tbody, .table tr, .table td { display: block; }
    .table thead { display: none; }
    .table tr { padding: 0.6rem 0.9rem; }
    .table tbody tr + tr { border-block-start: 1px solid var(--line); }
    .table tbody tr + tr td { border: 0; }
    .table td { display: flex; gap: 0.75rem; padding: 0.12rem 0; }
    .table .of { display: block; flex: none; inline-size: 7rem; color: var(--quiet); }
    .table .cell { min-inline-size: 0; }
    .entry { flex-wrap: wrap; padding-inline: 0.8rem; }
    .entry .lines { flex: 1 1 11rem; }
    .entry .chips { justify-content: flex-start; }
    .entry .badge { align-self: start; }
  }

  .findings { display: grid; gap: 0.6rem; margin: 0; padding: 0; list-style: none; }
  .finding { display: flex; gap: 0.65rem; max-inline-size: 52rem; line-height: 1.45; overflow-wrap: anywhere; min-inline-size: 0; }
  .finding > span { min-inline-size: 0; }
  .finding .icon { margin-block-start: 0.15em; color: var(--tone); }
  .findings + h3 { margin-block: 1.25rem 0.6rem; }
  .tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 8.5rem), 1fr)); gap: 0.75rem; margin: 0 0 1.25rem; }
  .tile { padding: 0.8rem 1rem; border: 1px solid var(--line); border-radius: 1rem; background: var(--card); }
  .tile dt { color: var(--quiet); font-size: 0.8125rem; }
  .tile dt .link { color: inherit; }
  .tile dd { margin: 0.1rem 0 0; font-size: 1.5rem; font-weight: 700; letter-spacing: -0.02em; font-variant-numeric: tabular-nums; }
  .tile small { color: var(--quiet); font-size: 0.8125rem; font-weight: 400; letter-spacing: 0; }
  .tile.error dd { color: var(--error); }
  .columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: 0 1.25rem; align-items: start; }
  .card .facts { margin: 0; padding: 0; border: 0; }
  .card .facts dt { min-inline-size: 6.5rem; }
  .card .facts dd .link { display: inline-flex; align-items: center; gap: 0.35rem; }
  .whole .body { display: grid; padding: 0; }
  .whole .facts { padding-block-start: 0.75rem; border-block-start: 1px solid var(--line); }
  .whole h2 { font-size: 1.375rem; }
  .whole pre { max-inline-size: 100%; white-space: pre-wrap; overflow-wrap: anywhere; }
  .refusals summary { cursor: pointer; border-radius: 0.4rem; }
  .refusals summary h2 { display: inline; }
  .refusals p { margin-block: 0.75rem; }
  .refusals .facts dt { min-inline-size: 3rem; }
  #to-them { margin-block: 0 0.75rem; }

  .once p { display: flex; gap: 0.6rem; }
  .once.card { border-color: var(--accent); background: color-mix(in srgb, var(--accent) 8%, var(--card)); }
  .once .icon { margin-block-start: 0.15em; }
  .secret { flex: 1 1 14rem; min-inline-size: 0; min-block-size: 2.5rem; padding: 0.4rem 0.8rem; border: 1px solid var(--edge); border-radius: 0.7rem; background: var(--ground); font: 0.875rem var(--mono); }

  .compose { grid-template-columns: minmax(0, 6fr) minmax(0, 5fr); }
  .preview { position: sticky; inset-block-start: 1rem; }
  .preview > h2 { margin-block-end: 0.75rem; color: var(--quiet); font-size: 0.875rem; }
  .as-row { position: relative; block-size: 5.25rem; padding: 0; overflow: hidden; }
  .as-row .row { border: 0; }
  .reach { display: flex; align-items: center; gap: 0.5rem; max-inline-size: none; margin: 0; padding: 0.6rem 0.8rem; border-radius: 0.7rem; background: color-mix(in srgb, var(--info) 9%, var(--card)); font-size: 0.9375rem; }
  .types.choose { gap: 0.4rem; }
  .choose .type { position: relative; cursor: pointer; min-block-size: 2.25rem; }
  .choose .type input { position: absolute; inset: 0; opacity: 0; margin: 0; inline-size: 100%; block-size: 100%; cursor: pointer; }
  .choose .type:has(:checked) { border-color: var(--tone); background: color-mix(in srgb, var(--tone) 14%, var(--card)); color: var(--tone); font-weight: 650; }
  .choose .type:has(:focus-visible) { outline: 2px solid var(--accent); outline-offset: 2px; }
  .more-fields[open] { display: grid; gap: 1rem; }
  .more-fields > * + * { margin-block-start: 1rem; }
  .more-fields summary { cursor: pointer; font-weight: 600; font-size: 0.9375rem; border-radius: 0.3rem; }
  @media (max-width: 62rem) { .compose { grid-template-columns: minmax(0, 1fr); } .preview { position: static; } }

  .tail-tools { display: flex; flex-wrap: wrap; align-items: center; gap: 0.6rem; margin-block-end: 1rem; }
  .tail-tools .search { margin: 0; }
  .total { font-weight: 600; font-size: 0.9375rem; }

  .charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 1.25rem; }
  .charts + p { margin-block-start: 1.25rem; font-size: 0.875rem; }
  admin-chart { display: block; min-inline-size: 0; }
  .chart { margin: 0; padding: 1rem 1rem 0.75rem; }
  .chart figcaption { display: flex; flex-wrap: wrap; align-items: baseline; justify-content: space-between; gap: 0.25rem 1rem; margin-block-end: 0.5rem; }
  .chart h2 { font-size: 1rem; }
  .legend { display: flex; flex-wrap: wrap; gap: 0.2rem 0.9rem; color: var(--quiet); font-size: 0.8125rem; font-variant-numeric: tabular-nums; }
  .legend b { color: var(--text); }
  .key { display: inline-flex; align-items: center; gap: 0.35rem; --tone: var(--accent); }
  .key.info { --tone: var(--info); } .key.success { --tone: var(--success); } .key.warning { --tone: var(--warning); } .key.error { --tone: var(--error); }
  .swatch { inline-size: 0.7rem; block-size: 0.25rem; border-radius: 1rem; background: var(--tone); }
  .plot { min-block-size: 180px; overflow: hidden; }
  .as-table { margin-block-start: 0.4rem; font-size: 0.8125rem; }
  .as-table summary { color: var(--quiet); cursor: pointer; border-radius: 0.3rem; }
  .as-table .scroll { max-block-size: 14rem; margin-block-start: 0.5rem; overflow: auto; }
  .as-table table { inline-size: 100%; border-collapse: collapse; }
  .as-table th, .as-table td { padding: 0.2rem 0.5rem; text-align: start; font-weight: 400; }
`;

export const adminStyles = [...styles, overStyles, ...appStyles, frame, contents];
