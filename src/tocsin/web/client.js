/**
 * A client of Tocsin for browsers and for Node 20 and newer, without dependencies.
 *
 *     const tocsin = new Tocsin({ url: "https://tocsin.example", token });
 *     await tocsin.send({ title: "Backup", message: "done", type: "success" });
 *     for await (const notification of tocsin.stream().notifications()) console.log(notification.title);
 *
 * A send is tried again under one idempotency key, so it is kept once. A stream goes on over any number of
 * connections: in order, nothing twice, and what is gone for good is told as a `gap`.
 *
 * What it takes and gives is described in `client/types.js`.
 *
 * @module
 */
export { TocsinError } from "./client/errors.js";
export { Stream } from "./client/stream.js";
export { Tocsin } from "./client/tocsin.js";
export { retryDelay } from "./client/waiting.js";
