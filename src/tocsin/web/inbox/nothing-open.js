import { html } from "../vendor/lit.js";
import { icon } from "./icons.js";

/** @typedef {import("../texts/texts.js").Texts} Texts */

/** What stands there while nothing is open: the keys. @param {Texts} texts */
export function keys(texts) {
  /** @type {[string[], string][]} */
  const known = [
    [["↓", "↑"], "keyMove"], [["Enter"], "keyOpen"], [["E"], "keyDismiss"], [["U"], "keyRead"], [["A"], "keyAck"],
    [["X"], "keySelect"], [["Z"], "keyUndo"], [["/"], "keySearch"], [["Shift", "M"], "keyAll"], [["Esc"], "keyEscape"],
  ];
  return html`
    <div class="nothing-open">
      <span class="large-icon">${icon("bell")}</span>
      <p>${texts.say("pickOne")}</p>
      <dl class="keys">
        ${known.map(([strokes, what]) => html`<div><dt>${strokes.map((key) => html`<kbd>${key}</kbd>`)}</dt><dd>${texts.say(what)}</dd></div>`)}
      </dl>
    </div>`;
}
