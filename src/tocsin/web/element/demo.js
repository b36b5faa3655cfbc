import { Tocsin } from "../client.js";

const form = /** @type {HTMLFormElement} */ (document.querySelector("form"));
const shown = /** @type {HTMLElement} */ (document.querySelector("#events"));
const nobody = /** @type {HTMLElement} */ (document.querySelector("#nobody"));
const given = new URLSearchParams(location.search);

/** @param {string} name @returns {HTMLInputElement | HTMLSelectElement | null} */
function field(name) {
  return form.querySelector(`[name="${CSS.escape(name)}"]`);
}

/** What the form says goes to both elements. */
function show() {
  for (const element of document.querySelectorAll("tocsin-inbox, tocsin-bell")) {
    for (const name of ["src", "token", "theme", "lang"]) {
      const value = field(name)?.value;
      if (value) element.setAttribute(name, value);
      else element.removeAttribute(name);
    }
  }
}

/** The elements are made known once there is somebody for them: the browser writes every refusal into its console. */
async function start() {
  const somebody = Boolean(field("src")?.value || field("token")?.value) || await signedIn();
  nobody.hidden = somebody;
  if (somebody) await import("./index.js");
}

async function signedIn() {
  try {
    return (await new Tocsin({ cookie: true, retryFor: 0 }).session()).user !== null;
  } catch {
    // The elements say why.
    return true;
  }
}

for (const [name, value] of given) {
  const known = field(name);
  if (known) known.value = value;
}
show();
void start();
form.addEventListener("submit", (event) => {
  event.preventDefault();
  show();
  void start();
});
for (const name of ["tocsin-notification", "tocsin-unread", "tocsin-open", "tocsin-state", "tocsin-signed-out"]) {
  document.addEventListener(name, (event) => {
    const { detail } = /** @type {CustomEvent} */ (event);
    shown.textContent = `${name} ${JSON.stringify(detail).slice(0, 200)}\n${shown.textContent ?? ""}`.slice(0, 2000);
  });
}
