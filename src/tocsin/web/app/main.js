import { define } from "../inbox/element.js";
import { App } from "./tocsin-app.js";

define();
customElements.define("tocsin-app", App);

// Without a worker the page does the same, only not without a network.
if ("serviceWorker" in navigator) void navigator.serviceWorker.register(workerAddress()).catch(() => undefined);

/** The one script that this page names by an address that it makes. @returns {string} */
function workerAddress() {
  const address = new URL("worker.js", document.baseURI).href;
  const policies = /** @type {any} */ (globalThis)["trustedTypes"];
  return policies ? policies.createPolicy("tocsin-worker", { createScriptURL: () => address }).createScriptURL("") : address;
}
