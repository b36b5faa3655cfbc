import { numberOf } from "./position.js";

/** @typedef {"info" | "success" | "warning" | "error" | "emergency"} Type */

/**
 * When somebody did what, in RFC 3339; null for not at all.
 * @typedef {{read: string | null, dismissed: string | null, acknowledged: string | null}} State
 */

/**
 * A notification as lists give it.
 * @typedef {State & {
 *   id: string, type: Type, title: string, message: string, userId: string | null, deviceId: string | null,
 *   dismissible: boolean, metadata: Record<string, unknown>, timestamp: string, first: string, since: string,
 *   url?: string, icon?: string, tags?: string[], group?: string, appId?: string,
 * }} Told
 */

/** @typedef {"read" | "unread" | "dismiss" | "undismiss" | "acknowledge"} Act */

/** The severities, mildest first. @type {readonly Type[]} */
export const TYPES = ["info", "success", "warning", "error", "emergency"];

/** A notification in somebody's inbox, and what the server has confirmed of its state. */
export class Item {
  /**
   * @param {Told} told
   * @param {number} asOf the number as of which that was so: what is told of before it is known already
   */
  constructor(told, asOf) {
    this.told = told;
    this.asOf = asOf;
    this.id = told.id;
    this.first = numberOf(told.first);
    this.since = numberOf(told.since);
    this.at = Date.parse(told.timestamp);
    /** The day it was sent, once somebody has asked. @type {number | null} */
    this.day = null;
    /** @type {State} */
    this.confirmed = { read: told.read, dismissed: told.dismissed, acknowledged: told.acknowledged };
  }
}

/**
 * The state once that was done; done twice, it is the same.
 * @param {State} state
 * @param {Act} act
 * @param {string} at RFC 3339
 * @returns {State}
 */
export function after(state, act, at) {
  switch (act) {
    case "read": return { ...state, read: state.read ?? at };
    case "unread": return { ...state, read: null };
    case "dismiss": return { ...state, dismissed: state.dismissed ?? at };
    case "undismiss": return { ...state, dismissed: null };
    case "acknowledge": return { ...state, acknowledged: state.acknowledged ?? at };
  }
}

/**
 * Whether it may be dismissed now.
 * @param {Told} told
 * @param {State} state
 */
export function mayDismiss(told, state) {
  return told.dismissible || state.acknowledged !== null;
}

/**
 * Whether somebody must say that they know of it.
 * @param {Told} told
 * @param {State} state
 */
export function wantsAcknowledging(told, state) {
  return (told.type === "emergency" || !told.dismissible) && state.acknowledged === null;
}
