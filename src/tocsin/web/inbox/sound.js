/** The sounds, made by the browser: two strokes of a bell for an error, four for an emergency. */

/** @type {AudioContext | undefined} */
let audio;

/**
 * Ring, where the browser lets a page sound: it does so only after somebody has touched the page.
 * @param {"error" | "emergency"} how
 * @returns {Promise<boolean>} whether it sounded
 */
export async function ring(how) {
  if (typeof AudioContext === "undefined") return false;
  audio ??= new AudioContext();
  if (audio.state !== "running") {
    // Without a touch this never settles.
    await Promise.race([audio.resume(), new Promise((resolve) => { setTimeout(resolve, 300); })]);
    if (/** @type {string} */ (audio.state) !== "running") return false;
  }
  const strokes = how === "emergency" ? [880, 659, 880, 659] : [784, 659];
  strokes.forEach((pitch, at) => stroke(/** @type {AudioContext} */ (audio), pitch, at * 0.22));
  return true;
}

/** @param {AudioContext} on @param {number} pitch hertz @param {number} after seconds */
function stroke(on, pitch, after) {
  const begin = on.currentTime + after;
  // Partials of a struck bell, and how long each of them rings.
  for (const [partial, loud, long] of /** @type {[number, number, number][]} */ ([[1, 0.22, 0.9], [2.4, 0.09, 0.5], [4.1, 0.05, 0.25]])) {
    const tone = on.createOscillator(), gain = on.createGain();
    tone.frequency.value = pitch * partial;
    gain.gain.setValueAtTime(0, begin);
    gain.gain.linearRampToValueAtTime(loud, begin + 0.008);
    gain.gain.exponentialRampToValueAtTime(0.0001, begin + long);
    tone.connect(gain).connect(on.destination);
    tone.start(begin);
    tone.stop(begin + long);
  }
}
