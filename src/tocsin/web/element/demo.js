import "./index.js";

const form = /** @type {HTMLFormElement} */ (document.querySelector("form"));
const shown = /** @type {HTMLElement} */ (document.querySelector("#events"));
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

for (const [name, value] of given) {
  const known = field(name);
  if (known) known.value = value;
}
show();
form.addEventListener("submit", (event) => {
  event.preventDefault();
  show();
});
for (const name of ["tocsin-notification", "tocsin-unread", "tocsin-open", "tocsin-state", "tocsin-signed-out"]) {
  document.addEventListener(name, (event) => {
    const { detail } = /** @type {CustomEvent} */ (event);
    shown.textContent = `${name} ${JSON.stringify(detail).slice(0, 200)}\n${shown.textContent ?? ""}`.slice(0, 2000);
  });
}
