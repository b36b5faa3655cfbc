import { css } from "../vendor/lit.js";
import { controls } from "../inbox/styles.js";

/** The page around the inbox. */
export const appStyles = [controls, css`
  :host { min-block-size: 0; }
  :host(tocsin-settings) { display: contents; }
  :host([popover]:not(:popover-open)) { display: none; }
  .app { display: flex; flex-direction: column; block-size: 100%; }
  main#inbox { flex: 1; min-block-size: 0; }
  .skip { border: 0; position: absolute; z-index: 50; inset-block-start: -4rem; inset-inline-start: 1rem; padding: 0.6rem 1rem; border-radius: 0 0 0.6rem 0.6rem; background: var(--accent); color: var(--on-accent); }
  .skip:focus { inset-block-start: 0; }
  .top { display: flex; align-items: center; justify-content: space-between; gap: 0.5rem; padding: 0.55rem 1rem; background: var(--card); border-block-end: 1px solid var(--line); }
  .brand { display: flex; align-items: center; gap: 0.6rem; }
  .brand h1 { margin: 0; font-size: 1.125rem; font-weight: 750; letter-spacing: -0.01em; }
  .mark { display: grid; place-items: center; inline-size: 2rem; block-size: 2rem; border-radius: 0.65rem; background: var(--accent); color: var(--on-accent); }
  .mark.large { inline-size: 3.5rem; block-size: 3.5rem; border-radius: 1.1rem; }
  .mark.large svg { inline-size: 1.9rem; block-size: 1.9rem; fill: none; stroke: currentColor; stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; }
  nav { display: flex; align-items: center; gap: 0.15rem; }
  nav a { color: inherit; text-decoration: none; }
  nav .who span { max-inline-size: 11rem; overflow: hidden; text-overflow: ellipsis; }
  [popover]#account { inset: 3.1rem auto auto; inset-inline-end: 0.75rem; margin: 0; }
  @media (max-width: 40rem) {
    nav .button { inline-size: 2.4rem; padding: 0; }
    nav .button span { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); }
    .top { padding-inline: 0.75rem; }
  }
  @media (max-height: 30rem) { .top { padding-block: 0.2rem; } }

  .door { display: grid; place-items: center; align-content: center; gap: 1rem; min-block-size: 100%; padding: 1.5rem 1rem; background: radial-gradient(60rem 30rem at 50% -8rem, color-mix(in srgb, var(--accent) 16%, transparent), transparent), var(--ground); }
  .door form { display: grid; gap: 0.9rem; inline-size: min(100%, 24rem); padding: 2rem; border: 1px solid var(--line); border-radius: 1.25rem; background: var(--card); box-shadow: var(--shadow); }
  .door h1 { margin: 0 0 0.25rem; font-size: 1.5rem; letter-spacing: -0.015em; }
  .door .button { min-block-size: 2.75rem; font-size: 1rem; }
  .notice { margin: 0; color: var(--quiet); }
  .field { display: grid; gap: 0.3rem; }
  .field label, legend { font-size: 0.875rem; font-weight: 600; }
  .field input, .field select { min-block-size: 2.75rem; padding: 0.4rem 0.8rem; border: 1px solid var(--edge); border-radius: 0.7rem; background: var(--ground); font-size: 1rem; max-inline-size: none; inline-size: 100%; }
  .field input[aria-invalid="true"] { border-color: var(--error); box-shadow: 0 0 0 1px var(--error); }
  .problem { margin: 0; color: var(--error); font-size: 0.875rem; }
  .good { margin: 0; color: var(--success); font-size: 0.875rem; }
  .problem:empty, .good:empty { display: none; }

  .settings { inline-size: min(30rem, 100vw - 1.5rem); max-block-size: min(44rem, 100dvh - 1.5rem); padding: 0; border: 1px solid var(--line); border-radius: 1.25rem; background: var(--card); color: var(--text); box-shadow: var(--shadow); overflow-y: auto; }
  .settings::backdrop { background: rgb(0 0 0 / 45%); }
  .inside { display: grid; gap: 1.25rem; padding: 1.25rem 1.5rem 1.5rem; }
  .inside .headline { display: flex; align-items: center; justify-content: space-between; }
  .inside h2 { margin: 0; font-size: 1.25rem; }
  .inside h3 { margin: 0; font-size: 1rem; }
  .inside p { margin: 0; }
  fieldset { min-inline-size: 0; margin: 0; padding: 0; border: 0; }
  legend { padding: 0; margin-block-end: 0.35rem; }
  .radios { display: flex; gap: 0.2rem; padding: 0.2rem; border-radius: 0.75rem; background: color-mix(in srgb, var(--text) 7%, transparent); }
  .radios label { position: relative; flex: 1; }
  .radios input { position: absolute; inset: 0; opacity: 0; cursor: pointer; margin: 0; inline-size: 100%; block-size: 100%; }
  .radios span { display: block; padding: 0.4rem 0.5rem; border-radius: 0.6rem; color: var(--quiet); font-size: 0.875rem; font-weight: 600; text-align: center; }
  .radios input:checked + span { background: light-dark(#ffffff, #3b3e47); color: var(--text); box-shadow: 0 0 0 1px var(--edge), 0 1px 3px rgb(0 0 0 / 18%); }
  .radios input:focus-visible + span { outline: 2px solid var(--accent); outline-offset: 2px; }
  .switch { display: flex; align-items: center; gap: 0.75rem; cursor: pointer; }
  .switch b { display: block; font-size: 0.875rem; }
  .switch span { color: var(--quiet); font-size: 0.875rem; }
  .switch b { color: var(--text); }
  .switch input { appearance: none; position: relative; flex: none; inline-size: 2.75rem; block-size: 1.6rem; margin: 0; border-radius: 1rem; background: var(--edge); cursor: pointer; transition: background 0.15s; }
  .switch input::before { content: ""; position: absolute; inset-block: 0.2rem; inset-inline-start: 0.2rem; inline-size: 1.2rem; border-radius: 50%; background: #ffffff; transition: inset-inline-start 0.15s; }
  .switch input:checked { background: var(--accent); }
  .switch input:checked::before { inset-inline-start: 1.35rem; }
  .account { display: grid; gap: 0.75rem; padding-block-start: 1.25rem; border-block-start: 1px solid var(--line); font-size: 0.9375rem; }
  .account summary { cursor: pointer; font-weight: 550; border-radius: 0.3rem; }
  .account details form { display: grid; gap: 0.75rem; padding-block: 0.75rem; }
  .account form .button { justify-self: start; }
`];
