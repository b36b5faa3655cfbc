/** @typedef {import("./notification.js").Told} Told */

/** How many are asked for in one request. */
const MOST = 100;

/** The names of the devices and apps that somebody's notifications are about. */
export class Names {
  /** By id; an id without a name is its own. @type {Map<string, string>} */
  devices = new Map();
  /** @type {Map<string, string>} */
  apps = new Map();

  /** Notifications whose device or app is to be asked for. @type {Set<string>} */
  #asking = new Set();

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
    for (const { id, deviceId, appId } of notifications) {
      if (deviceId !== null && !this.devices.has(deviceId)) this.#ask(this.devices, deviceId, id);
      if (appId !== undefined && !this.apps.has(appId)) this.#ask(this.apps, appId, id);
    }
  }

  /** @param {Map<string, string>} names @param {string} unknown @param {string} notification */
  #ask(names, unknown, notification) {
    names.set(unknown, unknown);
    if (!this.#asking.size) setTimeout(() => void this.#fetch(), 50);
    this.#asking.add(notification);
  }

  async #fetch() {
    const id = [...this.#asking].slice(0, MOST);
    for (const one of id) this.#asking.delete(one);
    if (this.#asking.size) setTimeout(() => void this.#fetch(), 50);
    try {
      const found = await this.server.request("GET", "api/names", { query: { id } });
      for (const [id, name] of Object.entries(found.devices)) this.devices.set(id, String(name));
      for (const [id, name] of Object.entries(found.apps)) this.apps.set(id, String(name));
      this.changed();
    } catch {
      // Ids will do.
    }
  }
}
