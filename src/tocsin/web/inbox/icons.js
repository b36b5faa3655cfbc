import { svg } from "../vendor/lit.js";

/** @type {Record<string, string>} */
const OF_TYPE = { info: "info", success: "circle-check", warning: "triangle-alert", error: "octagon-alert", emergency: "siren" };

/**
 * An icon of the sprite, which the same root has to hold: see `adopt`. It says nothing to those who do not see it.
 * @param {string} name
 */
export function icon(name) {
  return svg`<svg class="icon" aria-hidden="true" focusable="false"><use href="#${name}"></use></svg>`;
}

/** @param {import("./notification.js").Type} type */
export function iconOf(type) {
  return icon(OF_TYPE[type] ?? "info");
}

/** @type {Promise<Element | null> | null} */
let sprite = null;

/**
 * Put the sprite into a root. A page of another site could not refer to our file: `<use>` takes no other origin's.
 * @param {ShadowRoot} root
 */
export async function adopt(root) {
  const found = await (sprite ??= read(new URL("../vendor/icons.svg", import.meta.url).href));
  if (!found) return void (sprite = null);
  const copy = /** @type {SVGElement} */ (root.ownerDocument.importNode(found, true));
  copy.setAttribute("aria-hidden", "true");
  copy.setAttribute("class", "sprite");
  root.prepend(copy); // what stands after, Lit may clear
}

/** As a document: no text of it is turned into markup here. @param {string} address @returns {Promise<Element | null>} */
function read(address) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open("GET", address);
    request.responseType = "document";
    request.overrideMimeType("image/svg+xml");
    request.onload = () => resolve(request.response?.documentElement ?? null);
    request.onerror = () => resolve(null);
    request.send();
  });
}
