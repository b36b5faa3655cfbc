import { css } from "../vendor/lit.js";

/** What comes over the list, and the notification that is open. */
export const overStyles = css`
  .whole header { position: sticky; inset-block-start: 0; z-index: 1; display: flex; align-items: center; gap: 0.5rem; padding: 0.6rem 1rem; background: var(--ground); border-block-end: 1px solid var(--line); }
  [dir="rtl"] .back .icon { transform: scaleX(-1); }
  .tools { display: flex; flex-wrap: wrap; justify-content: flex-end; gap: 0.4rem; margin-inline-start: auto; }
  .whole .body { display: grid; justify-items: start; gap: 0.75rem; max-inline-size: 44rem; padding: 1.5rem 1.5rem 3rem; }
  .whole .badge.large { inline-size: 3rem; block-size: 3rem; border-radius: 1rem; }
  .whole .badge.large .icon { inline-size: 1.6rem; block-size: 1.6rem; }
  .whole h2 { margin: 0; font-size: 1.5rem; line-height: 1.25; font-weight: 700; letter-spacing: -0.01em; overflow-wrap: anywhere; }
  .whole .about { flex-wrap: wrap; font-size: 0.875rem; }
  .whole .chip { align-items: baseline; max-inline-size: 100%; }
  .whole .chip .icon { flex: none; align-self: start; block-size: 1lh; }
  .whole .chip bdi, .alarm .chip bdi { max-inline-size: none; white-space: normal; overflow-wrap: anywhere; }
  .whole p { margin: 0; max-inline-size: 100%; }
  .whole .text { font-size: 1.0625rem; line-height: 1.55; white-space: pre-wrap; overflow-wrap: anywhere; }
  .whole a.link { display: inline-flex; align-items: center; gap: 0.4rem; max-inline-size: 100%; overflow-wrap: anywhere; }
  .facts { display: grid; gap: 0.35rem; inline-size: 100%; margin: 0.75rem 0 0; padding-block-start: 1rem; border-block-start: 1px solid var(--line); font-size: 0.875rem; }
  .facts div { display: flex; gap: 0.75rem; }
  .facts dt { flex: none; min-inline-size: 7rem; color: var(--quiet); }
  .facts dd { margin: 0; overflow-wrap: anywhere; }
  .tag { display: inline-block; margin-inline-end: 0.35rem; padding: 0.05rem 0.5rem; border-radius: 1rem; background: color-mix(in srgb, var(--text) 8%, transparent); }
  .data { inline-size: 100%; border: 1px solid var(--line); border-radius: 0.75rem; background: var(--card); font-size: 0.875rem; }
  .data summary { display: flex; align-items: center; gap: 0.5rem; padding: 0.6rem 0.9rem; border-radius: 0.75rem; cursor: pointer; font-weight: 550; list-style: none; }
  .data pre { margin: 0; padding: 0.25rem 0.9rem 0.9rem; overflow-x: auto; font: 0.8125rem/1.5 var(--mono); }
  @container frame (max-width: 34rem) {
    .whole .body { padding: 1.25rem 1rem 3rem; }
    .tools .button { inline-size: 2.5rem; padding: 0; }
    .tools .button span { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); }
    .facts div { flex-direction: column; gap: 0; }
  }

  .toasts { position: absolute; z-index: 20; inset-block-end: 1rem; inset-inline-end: 1rem; display: grid; gap: 0.6rem; inline-size: min(24rem, 100% - 2rem); }
  .toast, .snack { display: flex; align-items: center; gap: 0.25rem; border: 1px solid var(--line); border-radius: 0.9rem; background: var(--raised); box-shadow: var(--shadow); animation: arrive 0.22s ease-out; }
  @keyframes arrive { from { opacity: 0; transform: translateY(0.75rem); } }
  .toast { padding-inline-end: 0.4rem; border-inline-start: 0.25rem solid var(--tone); }
  .toast .main { flex: 1; display: flex; align-items: center; gap: 0.75rem; min-inline-size: 0; padding: 0.7rem 0.25rem 0.7rem 0.8rem; border: 0; border-radius: 0.8rem; background: none; text-align: start; }
  [dir="rtl"] .toast .main { padding: 0.7rem 0.8rem 0.7rem 0.25rem; }
  .toast .title { color: var(--text); font-weight: 650; }
  .toast .act { align-self: start; margin-block-start: 0.4rem; flex: none; }
  @container frame (max-width: 46rem) { .toast:not(:nth-last-child(1 of .toast)) { display: none; } }
  .snack { padding: 0.45rem 0.45rem 0.45rem 1rem; border-color: transparent; background: light-dark(#26282e, #f0eeea); color: light-dark(#f6f5f3, #1c1d21); font-size: 0.9375rem; }
  [dir="rtl"] .snack { padding: 0.45rem 1rem 0.45rem 0.45rem; }
  .snack > span { flex: 1; }
  .snack .undo { border-color: transparent; background: transparent; color: light-dark(#fdba8c, #9a3412); }
  .snack .undo:hover:not(:disabled), .snack .act:hover { background: color-mix(in srgb, currentColor 15%, transparent); }
  .snack .act { color: inherit; }
  .snack :focus-visible { outline-color: currentColor; }
  .snack.refused { background: light-dark(#8c1d18, #f9b4ae); color: light-dark(#ffffff, #3b0a08); }

  dialog.emergency { inline-size: 100%; block-size: 100%; max-inline-size: none; max-block-size: none; margin: 0; padding: 1rem; border: 0; background: light-dark(#7d0f3c, #3b0a20); color: #ffffff; overflow-y: auto; }
  dialog.emergency[open] { display: grid; place-items: safe center; }
  dialog.emergency::backdrop { background: #3b0a20; }
  .alarm { display: grid; justify-items: center; gap: 0.85rem; max-inline-size: 40rem; text-align: center; }
  .alarm > * { margin: 0; }
  .alarm .siren { display: grid; place-items: center; inline-size: 6rem; block-size: 6rem; border-radius: 50%; background: rgb(255 255 255 / 14%); box-shadow: 0 0 0 1.25rem rgb(255 255 255 / 6%); margin-block: 1.25rem; animation: alarm 1.6s ease-in-out infinite; }
  .alarm .siren .icon { inline-size: 3rem; block-size: 3rem; }
  @media (max-height: 34rem) { .alarm { gap: 0.5rem; } .alarm .siren { inline-size: 3.5rem; block-size: 3.5rem; margin-block: 0.75rem; box-shadow: none; animation: none; } .alarm .siren .icon { inline-size: 2rem; block-size: 2rem; } }
  @keyframes alarm { 50% { box-shadow: 0 0 0 2rem rgb(255 255 255 / 3%); } }
  .alarm .kind { font-size: 0.9375rem; font-weight: 650; color: #ffd0e0; }
  .alarm .kind span { margin-inline-start: 0.5rem; font-variant-numeric: tabular-nums; }
  .alarm h2 { font-size: clamp(1.6rem, 6vw, 2.75rem); line-height: 1.15; letter-spacing: -0.02em; overflow-wrap: anywhere; }
  .alarm #emergency-message { font-size: 1.125rem; line-height: 1.5; white-space: pre-wrap; overflow-wrap: anywhere; }
  .alarm .about { justify-content: center; font-size: 0.9375rem; }
  .alarm .about .word { display: none; }
  .alarm .chip { color: #ffe4ee; }
  .alarm time { color: #ffd0e0; font-size: 0.875rem; }
  .alarm .problem { padding: 0.5rem 1rem; border-radius: 0.75rem; background: rgb(0 0 0 / 35%); }
  .alarm .acknowledge { min-block-size: 3.25rem; margin-block-start: 0.75rem; padding-inline: 2rem; border: 0; border-radius: 1rem; background: #ffffff; color: #7d0f3c; font-size: 1.125rem; font-weight: 700; }
  .alarm .acknowledge:hover:not(:disabled) { background: #ffe4ee; }
  .alarm .acknowledge[aria-disabled="true"][aria-disabled] { background: rgb(255 255 255 / 16%); color: #ffe4ee; cursor: wait; }
  .alarm .quiet { color: #ffffff; }
  dialog.emergency:focus-visible { outline: none; }
  .alarm :focus-visible { outline: 3px solid #ffffff; outline-offset: 4px; }
`;
