import { html, nothing } from "../vendor/lit.js";
import { Announcer } from "./announcer.js";
import { sentenceOf } from "./sentences.js";
import { Toasts } from "./toasts.js";

/** @typedef {import("./desk.js").Desk} Desk */
/** @typedef {import("../texts/texts.js").Texts} Texts */

/** Tells of what comes: to those who listen, by toasts, by the sound of an error, and by an emergency that takes the screen. */
export class Teller {
  /** What draws it, and what is open; fetched when there is something to draw. @type {typeof import("./over.js") | null} */
  over = null;
  #fetching = false;

  /** @param {import("./listening.js").Listening} host */
  constructor(host) {
    this.host = host;
    this.announcer = new Announcer(() => /** @type {Texts} */ (host.texts), () => host.requestUpdate());
    this.toasts = new Toasts(() => host.requestUpdate());
  }

  /** Have `over`, soon. Where it cannot be had, it is asked for again the next time. */
  fetch = () => {
    if (this.over || this.#fetching) return;
    this.#fetching = true;
    void import("./over.js").then((over) => {
      this.over = over;
      this.host.wear(over.overStyles);
      this.host.requestUpdate();
    }, () => { this.#fetching = false; });
  };

  /** @param {{told: import("./notification.js").Told, live: boolean}} what */
  came({ told, live }) {
    const { host } = this;
    if (told.read !== null || told.dismissed !== null || told.type === "emergency") return;
    this.announcer.came(told);
    if (!host.quiet && live) this.toasts.show(told);
    if (host.sound && told.type === "error") void import("./sound.js").then(({ ring }) => ring("error"));
  }

  stop() {
    this.announcer.stop();
    this.toasts.stop();
  }

  /**
   * What lies over the element, and what listeners hear.
   * @param {Desk | null} desk where something can be done
   * @param {Texts} texts
   * @param {number} version grows with every change
   * @param {(id: string) => void} open
   */
  draw(desk, texts, version, open) {
    const { host, announcer, over } = this, { feed } = host;
    const alarm = host.tells && feed?.emergencies.items.some((item) => feed.emergencies.state(item).acknowledged === null);
    if (!over && (alarm || this.toasts.shown.length || (desk && sentenceOf(desk, texts)))) this.fetch();
    return html`
      ${over && feed ? over.toaster(this.toasts, feed.names, desk, texts, open) : nothing}
      ${over && host.tells ? html`<tocsin-emergency .feed=${feed} .texts=${texts} .sound=${host.sound} .version=${version}></tocsin-emergency>` : nothing}
      <div class="hidden" role="status" aria-atomic="true">${announcer.status}</div>
      <div class="hidden" role="alert" aria-atomic="true">${announcer.alert}</div>`;
  }
}
