import { html, nothing, repeat } from "../vendor/lit.js";
import { icon, iconOf } from "./icons.js";
import { about } from "./row.js";

/** @typedef {import("./desk.js").Desk} Desk */
/** @typedef {import("./toasts.js").Toasts} Toasts */
/** @typedef {import("../texts/texts.js").Texts} Texts */

/** @type {Record<string, string>} */
const DID = {
  dismiss: "didDismiss", undismiss: "didUndismiss", read: "didRead", unread: "didUnread", acknowledge: "didAcknowledge", readAll: "didReadAll",
};

/**
 * What was done, in a sentence.
 * @param {Desk} desk
 * @param {Texts} texts
 */
export function sentenceOf({ done, refusal }, texts) {
  if (refusal) return texts.say("refused", { why: reasonOf(refusal, texts) });
  return done ? texts.say(DID[done.what] ?? done.what, { count: done.count }) : "";
}

/** @param {Error} error @param {Texts} texts */
export function reasonOf(error, texts) {
  return "status" in error && error.status === 0 ? texts.say("noConnection") : error.message;
}

/**
 * What came, and what was done, in a corner. It is told to listeners by the live regions, not from here.
 * @param {Toasts} toasts
 * @param {Desk} desk
 * @param {Texts} texts
 * @param {(id: string) => void} open
 */
export function toaster(toasts, desk, texts, open) {
  const sentence = sentenceOf(desk, texts);
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
              ${about(told, desk.feed.names, texts)}
            </span>
          </button>
          <button type="button" class="act" aria-label=${texts.say("close")} title=${texts.say("close")} @click=${() => toasts.close(told.id)}>${icon("x")}</button>
        </div>`)}
      ${sentence ? html`
        <div class="snack ${desk.refusal ? "refused" : ""}">
          <span>${sentence}</span>
          ${desk.done?.undo ? html`<button type="button" class="button undo" data-act="undo" @click=${() => desk.undo()}>${icon("undo-2")}${texts.say("undo")}</button>` : nothing}
          <button type="button" class="act" aria-label=${texts.say("close")} title=${texts.say("close")} @click=${() => desk.forget()}>${icon("x")}</button>
        </div>` : nothing}
    </section>`;
}
