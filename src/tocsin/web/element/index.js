/** The elements for pages of others: importing this file makes them known. */
import { define, TocsinInbox } from "../inbox/element.js";
import { TocsinBell } from "./bell.js";

define();
if (!customElements.get("tocsin-bell")) customElements.define("tocsin-bell", TocsinBell);

export { TocsinBell, TocsinInbox };
