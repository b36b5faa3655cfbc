/** @typedef {import("./notification.js").Told} Told */

/** The names of the devices and apps that somebody's notifications are about. */
export class Names {
  /** By id; an id without a name is its own. @type {Map<string, string>} */
  devices = new Map();
  /** @type {Map<string, string>} */
  apps = new Map();

  /** @type {{devices: Set<string>, apps: Set<string>} | null} */
  #asked = null;

  /**
   * @param {import("../client.js").Tocsin} server
   * @param {() => void} changed is told when names have come
   */
  constructor(server, changed) {
    this.server = server;
    this.changed = changed;
  }

  /** @param {string} id */
  device(id) {
    return this.devices.get(id) ?? id;
  }

  /** @param {string} id */
  app(id) {
    return this.apps.get(id) ?? id;
  }

  /**
   * Ask for the names of what these are about, those not asked for before.
   * @param {Told[]} notifications
   */
  learn(notifications) {
    for (const { deviceId, appId } of notifications) {
      if (deviceId !== null && !this.devices.has(deviceId)) this.#ask("devices", deviceId);
      if (appId !== undefined && !this.apps.has(appId)) this.#ask("apps", appId);
    }
  }

  /** @param {"devices" | "apps"} kind @param {string} id */
  #ask(kind, id) {
    this[kind].set(id, id);
    if (!this.#asked) {
      this.#asked = { devices: new Set(), apps: new Set() };
      setTimeout(() => void this.#fetch(), 50);
    }
    this.#asked[kind].add(id);
  }

  async #fetch() {
    const asked = this.#asked;
    this.#asked = null;
    if (!asked) return;
    const query = { deviceId: [...asked.devices].slice(0, 100), appId: [...asked.apps].slice(0, 100) };
    try {
      const found = await this.server.request("GET", "api/names", { query });
      for (const [id, name] of Object.entries(found.devices)) this.devices.set(id, String(name));
      for (const [id, name] of Object.entries(found.apps)) this.apps.set(id, String(name));
      this.changed();
    } catch {
      // Ids will do.
    }
  }
}
