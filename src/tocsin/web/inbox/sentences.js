/** @typedef {import("./desk.js").Desk} Desk */
/** @typedef {import("../texts/texts.js").Texts} Texts */

/** @type {Record<string, string>} */
const DID = {
  dismiss: "didDismiss", undismiss: "didUndismiss", read: "didRead", unread: "didUnread", acknowledge: "didAcknowledge", readAll: "didReadAll",
};

/**
 * What was done, in a sentence.
 * @param {Desk} desk
 * @param {Texts} texts
 */
export function sentenceOf({ done, refusal }, texts) {
  if (refusal) return texts.say("refused", { why: reasonOf(refusal, texts) });
  return done ? texts.say(DID[done.what] ?? done.what, { count: done.count }) : "";
}

/** @param {Error} error @param {Texts} texts */
export function reasonOf(error, texts) {
  if ("code" in error && error.code === "no-token") return texts.say("noToken");
  return "status" in error && error.status === 0 ? texts.say("noConnection") : error.message;
}
