// Keeps the shell, so that the page opens without a network and says that it is offline. Answers of the API are never kept.

/** @type {{version: string, files: string[]}} set by the server before the first line */
const SHELL = self.SHELL;
const NAME = `tocsin-${SHELL.version}`;

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(NAME).then((cache) => cache.addAll(["./", ...SHELL.files.filter((file) => !file.includes("/admin/"))])).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  event.waitUntil((async () => {
    for (const name of await caches.keys()) if (name.startsWith("tocsin-") && name !== NAME) await caches.delete(name);
    await self.clients.claim();
  })());
});

self.addEventListener("fetch", (event) => {
  const { request } = event, url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== location.origin) return;
  const home = new URL("./", location.href).pathname;
  if (url.pathname.startsWith(`${home}assets/${SHELL.version}/`)) event.respondWith(kept(request));
  else if (request.mode === "navigate" && url.pathname === home) event.respondWith(fresh(request));
});

/** A hashed file never changes; `Vary: Origin` is about pages of others, and not about these. @param {Request} request */
async function kept(request) {
  return await caches.match(request, { ignoreVary: true }) ?? fetch(request);
}

/** The page as the server has it now; the one that was kept where there is no server. @param {Request} request */
async function fresh(request) {
  try {
    const answer = await fetch(request);
    if (answer.ok) await (await caches.open(NAME)).put(request, answer.clone());
    return answer;
  } catch (error) {
    const page = await caches.match(request, { ignoreVary: true });
    if (page) return page;
    throw error;
  }
}
