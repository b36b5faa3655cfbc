import { define } from "../inbox/element.js";
import { Settings } from "./settings.js";
import { SignIn } from "./sign-in.js";
import { App } from "./tocsin-app.js";

define();
customElements.define("tocsin-sign-in", SignIn);
customElements.define("tocsin-settings", Settings);
customElements.define("tocsin-app", App);

// Without a worker the page does the same, only not without a network.
if ("serviceWorker" in navigator) void navigator.serviceWorker.register(new URL("worker.js", document.baseURI)).catch(() => undefined);
