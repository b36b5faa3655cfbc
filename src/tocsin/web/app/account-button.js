import { html } from "../vendor/lit.js";
import { icon } from "../inbox/icons.js";

/**
 * Who is signed in; it opens `<tocsin-account id="account" popover>` of the same root, which is fetched then.
 * @param {{id: string, name: string}} user
 * @param {import("../texts/texts.js").Texts} texts
 */
export function accountButton({ name }, texts) {
  const says = texts.say("signedInAs", { name });
  return html`<button type="button" class="button quiet who" popovertarget="account" aria-label=${says} title=${says} @click=${() => void import("./account.js")}>${icon("user")}<span><bdi>${name}</bdi></span></button>`;
}
