const FIRST_DELAY = 0.25;
const LONGEST_DELAY = 30;
const LONGEST_RETRY_AFTER = 300;

/**
 * Seconds to wait before trying again, spread out so that a thousand clients do not come back as one.
 * @param {number} attempt how often it has failed so far, less one
 * @param {number | null} [retryAfter] seconds that the server asked for
 * @param {number} [chance] 0 to 1
 */
export function retryDelay(attempt, retryAfter = null, chance = Math.random()) {
  const own = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** Math.min(attempt, 10)) * (0.5 + 0.5 * chance);
  if (retryAfter === null) return own;
  return Math.max(own, Math.min(retryAfter, LONGEST_RETRY_AFTER) * (1 + 0.25 * chance));
}

/**
 * @param {number} seconds
 * @param {AbortSignal} [signal] ends the wait with its reason
 * @param {string} [event] of the window, which ends the wait as well
 * @returns {Promise<void>}
 */
export function wait(seconds, signal, event) {
  return new Promise((resolve, reject) => {
    const over = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
      if (event) globalThis.removeEventListener?.(event, done);
    };
    const done = () => {
      over();
      resolve();
    };
    const abort = () => {
      over();
      reject(signal?.reason);
    };
    const timer = setTimeout(done, seconds * 1000);
    if (signal?.aborted) return abort();
    signal?.addEventListener("abort", abort);
    if (event) globalThis.addEventListener?.(event, done);
  });
}
