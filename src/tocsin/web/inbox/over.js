import { Emergency } from "./emergency.js";

export { detail } from "./detail.js";
export { overStyles } from "./over-styles.js";
export { toaster } from "./toaster.js";

// What is needed once something is told, done or opened: it is fetched then, or when somebody comes near the element.
if (!customElements.get("tocsin-emergency")) customElements.define("tocsin-emergency", Emergency);
