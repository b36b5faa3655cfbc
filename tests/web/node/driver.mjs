// Runs the client as a test asks: one JSON command a line on standard input, JSON answers on standard output.
//
//   {"id": 1, "call": ["send", {…}]}            → {"id": 1, "ok": …} or {"id": 1, "error": {…}}
//   {"id": 2, "stream": {"since": …}}           → {"id": 2, "event": …}, {"id": 2, "state": …}, {"id": 2, "ended": …}
//   {"id": 3, "stop": 2}

import readline from "node:readline";
import { pathToFileURL } from "node:url";

const [module, options] = process.argv.slice(2);
const given = JSON.parse(options);
const { faster = 1 } = given;
delete given.faster;
if (faster !== 1) hurry(faster);
const { Tocsin } = await import(pathToFileURL(module).href);
const tokens = given.tokens;
delete given.tokens;
if (tokens) given.token = () => tokens.shift() ?? "none left";
const tocsin = new Tocsin(given);
const streams = new Map();

const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
const told = (error) => ({
  name: error.name, message: error.message, status: error.status, code: error.code, close: error.close, field: error.field,
});

async function follow(id, { slow = 0, ...asked }) {
  const stream = tocsin.stream({ ...asked, onState: (state, why) => say({ id, state, seconds: why.seconds ?? null }) });
  streams.set(id, stream);
  try {
    for await (const event of stream) {
      say({ id, event });
      if (slow) await new Promise((resolve) => setTimeout(resolve, slow));
    }
    say({ id, ended: null });
  } catch (error) {
    say({ id, ended: told(error) });
  }
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  const { id, call, stream, stop } = JSON.parse(line);
  if (stream) void follow(id, stream);
  else if (stop) streams.get(stop).stop();
  else tocsin[call[0]](...call.slice(1)).then((ok) => say({ id, ok }), (error) => say({ id, error: told(error) }));
}
process.exit(0);

/** So many of the client's seconds pass in one, and what nobody holds is forgotten soon, as in a process that lives for long. */
function hurry(times) {
  const { setTimeout: later, setInterval: again } = globalThis, { now } = Date, began = now();
  globalThis.setTimeout = (call, wait, ...rest) => later(call, wait / times, ...rest);
  globalThis.setInterval = (call, wait, ...rest) => again(call, wait / times, ...rest);
  Date.now = () => began + (now() - began) * times;
  again(globalThis.gc, 100);
}
