import "../app/settings.js";
import "../app/sign-in.js";
import { AppPage } from "./app.js";
import { Apps } from "./apps.js";
import { Audit } from "./audit.js";
import { Chart } from "./chart.js";
import { Devices } from "./devices.js";
import { Keys } from "./keys.js";
import { LookUp } from "./look-up.js";
import { Once } from "./once.js";
import { Overview } from "./overview.js";
import { Refusals } from "./refusals.js";
import { Send } from "./send.js";
import { Sent } from "./sent.js";
import { Story } from "./story.js";
import { Streams } from "./streams.js";
import { Admin } from "./tocsin-admin.js";
import { UserPage } from "./user.js";
import { Users } from "./users.js";

/** @type {Record<string, CustomElementConstructor>} */
const ELEMENTS = {
  "admin-chart": Chart, "admin-once": Once, "admin-overview": Overview, "admin-sent": Sent, "admin-refusals": Refusals,
  "admin-story": Story, "admin-look-up": LookUp, "admin-send": Send, "admin-streams": Streams, "admin-users": Users, "admin-user": UserPage,
  "admin-keys": Keys, "admin-apps": Apps, "admin-app": AppPage, "admin-devices": Devices, "admin-audit": Audit, "tocsin-admin": Admin,
};

for (const [name, element] of Object.entries(ELEMENTS)) customElements.define(name, element);
