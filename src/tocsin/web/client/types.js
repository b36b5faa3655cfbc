// What the client takes and gives, for the type check and for readers; nothing of it runs.

/** @typedef {"info" | "success" | "warning" | "error" | "emergency"} Type */
/** @typedef {"connecting" | "catching up" | "live" | "gap" | "offline" | "ended"} State */
/** @typedef {string | (() => string | Promise<string>)} Credential */

/**
 * What is sent.
 * @typedef {object} Draft
 * @property {string} title
 * @property {string} message
 * @property {Type} [type] `info` unless given
 * @property {string | null} [userId] for superusers: to whom; everyone unless given
 * @property {string | null} [deviceId] what it is about
 * @property {boolean} [dismissible]
 * @property {Record<string, unknown> | null} [metadata]
 */

/** @typedef {{success: boolean, notificationId: string, recipientCount: number}} Sent */

/**
 * A notification as lists and streams give it.
 * @typedef {object} Notification
 * @property {string} id
 * @property {Type} type
 * @property {string} title
 * @property {string} message
 * @property {string | null} userId null: everyone
 * @property {string | null} deviceId
 * @property {boolean} dismissible
 * @property {Record<string, unknown>} metadata
 * @property {string} timestamp RFC 3339
 * @property {string} first position of its creation
 * @property {string} since position at which it last became unread
 * @property {string | null} read when, or null
 * @property {string | null} dismissed
 * @property {string | null} acknowledged
 * @property {string} [position] of its latest change, in lists
 * @property {string} [url] what it links to
 * @property {string} [icon]
 * @property {string[]} [tags]
 * @property {string} [group]
 * @property {string} [appId] the app that sent it
 */

/** @typedef {{id: string, read: string | null, dismissed: string | null, acknowledged: string | null}} Told */
/** @typedef {{total: number, types: Record<Type, number>, position: string}} Unread */
/** @typedef {{notifications: Notification[], next: string | null, position: string}} Page */
/** @typedef {string | number | boolean | readonly string[] | null | undefined} Asked */

/**
 * One event of a stream: docs/reference/stream.md says what each is and what its data holds.
 * @typedef {object} Event
 * @property {"hello" | "notification" | "receipt" | "mark" | "withdrawn" | "purged" | "unread" | "gap" | "caught-up" | "refused" | "pong" | "error"} event
 * @property {string | null} position null for what has no place in the log
 * @property {any} data
 */

/**
 * @typedef {object} Options
 * @property {string | URL} [url] of the server, with its path where it is below one; in a page its own folder unless given
 * @property {Credential} [token] a token or an API key, or what gives one: asked again when it no longer holds
 * @property {boolean} [cookie] the session of a page of the server's own speaks instead
 * @property {number} [retryFor] seconds after which no other attempt at a request is begun
 * @property {typeof globalThis.fetch} [fetch]
 */

/**
 * @typedef {object} StreamOptions
 * @property {string | null} [since] go on right after this position; from now on unless given
 * @property {readonly string[]} [devices] only what is about these
 * @property {"websocket" | "lines"} [transport] a WebSocket where there is one, else lines of JSON over HTTP
 * @property {boolean} [confirm] tell senders what has arrived here (on a WebSocket without `devices`); true unless given
 * @property {(event: Event) => void} [onEvent] each event once; with it or the next the stream runs by itself
 * @property {(notification: Notification) => void} [onNotification]
 * @property {(state: State, why: {error?: import("./errors.js").TocsinError, seconds?: number, oldest?: string}) => void} [onState]
 * @property {AbortSignal} [signal] ends it
 */

export {};
