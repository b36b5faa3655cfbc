import { html, nothing, repeat } from "../vendor/lit.js";
import { icon, iconOf } from "./icons.js";
import { about } from "./row.js";
import { sentenceOf } from "./sentences.js";

/** @typedef {import("./desk.js").Desk} Desk */
/** @typedef {import("./toasts.js").Toasts} Toasts */
/** @typedef {import("../texts/texts.js").Texts} Texts */

/**
 * What came, and what was done, in a corner. It is told to listeners by the live regions, not from here.
 * @param {Toasts} toasts
 * @param {import("./names.js").Names} names
 * @param {Desk | null} desk where something can be done
 * @param {Texts} texts
 * @param {(id: string) => void} open
 */
export function toaster(toasts, names, desk, texts, open) {
  const sentence = desk ? sentenceOf(desk, texts) : "";
  if (toasts.shown.length === 0 && !sentence) return nothing;
  return html`
    <section class="toasts" part="toasts" aria-label=${texts.say("came", { count: toasts.shown.length })}
      @pointerenter=${() => toasts.hold()} @pointerleave=${() => toasts.release()} @focusin=${() => toasts.hold()} @focusout=${() => toasts.release()}>
      ${repeat(toasts.shown, ({ id }) => id, (told) => html`
        <div class="toast ${told.type}" part="toast ${told.type}" data-id=${told.id}>
          <button type="button" class="main" @click=${() => { toasts.close(told.id); open(told.id); }}>
            <span class="badge">${iconOf(told.type)}</span>
            <span class="lines">
              <span class="title"><bdi>${told.title}</bdi></span>
              <span class="message"><bdi>${told.message}</bdi></span>
              ${about(told, names, texts)}
            </span>
          </button>
          <button type="button" class="act" aria-label=${texts.say("close")} title=${texts.say("close")} @click=${() => toasts.close(told.id)}>${icon("x")}</button>
        </div>`)}
      ${desk && sentence ? html`
        <div class="snack ${desk.refusal ? "refused" : ""}">
          <span>${sentence}</span>
          ${desk.done?.undo ? html`<button type="button" class="button undo" data-act="undo" @click=${() => desk.undo()}>${icon("undo-2")}${texts.say("undo")}</button>` : nothing}
          <button type="button" class="act" aria-label=${texts.say("close")} title=${texts.say("close")} @click=${() => desk.forget()}>${icon("x")}</button>
        </div>` : nothing}
    </section>`;
}
