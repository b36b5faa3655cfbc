/** A finger has to go so far before it is a swipe, in pixels, and so much of the row before that counts. */
const BEGINS = 12, COUNTS = 0.35;

/**
 * Lets rows be swiped away with a finger, to either side.
 * @param {HTMLElement} list
 * @param {(id: string) => boolean} may whether that row may go
 * @param {(id: string) => void} swiped
 * @returns {() => void} stops it
 */
export function swiping(list, may, swiped) {
  /** @type {{id: string, slide: HTMLElement, x: number, y: number, by: number, going: boolean} | null} */
  let swipe = null;

  /** @param {PointerEvent} event */
  const down = (event) => {
    if (event.pointerType === "mouse" || !event.isPrimary || !(event.target instanceof Element)) return;
    const row = /** @type {HTMLElement | null} */ (event.target.closest(".row"));
    const slide = /** @type {HTMLElement | null} */ (row?.querySelector(".slide"));
    const id = row?.dataset["id"];
    if (slide && id && may(id)) swipe = { id, slide, x: event.clientX, y: event.clientY, by: 0, going: false };
  };

  /** @param {PointerEvent} event */
  const move = (event) => {
    if (!swipe) return;
    swipe.by = event.clientX - swipe.x;
    if (!swipe.going) {
      if (Math.abs(event.clientY - swipe.y) > BEGINS) return void (swipe = null);
      if (Math.abs(swipe.by) < BEGINS) return;
      swipe.going = true;
      swipe.slide.classList.add("swiped");
      list.setPointerCapture(event.pointerId);
    }
    swipe.slide.style.transform = `translateX(${swipe.by}px)`;
  };

  /** @param {PointerEvent} event */
  const up = (event) => {
    if (!swipe) return;
    const { id, slide, by, going } = swipe;
    swipe = null;
    slide.classList.remove("swiped");
    slide.style.transform = "";
    if (!going) return;
    list.addEventListener("click", (click) => { click.stopPropagation(); click.preventDefault(); }, { capture: true, once: true });
    setTimeout(() => list.dispatchEvent(new MouseEvent("click", { bubbles: false })), 0);
    if (event.type === "pointerup" && Math.abs(by) > slide.offsetWidth * COUNTS) swiped(id);
  };

  list.addEventListener("pointerdown", down);
  list.addEventListener("pointermove", move);
  list.addEventListener("pointerup", up);
  list.addEventListener("pointercancel", up);
  return () => {
    list.removeEventListener("pointerdown", down);
    list.removeEventListener("pointermove", move);
    list.removeEventListener("pointerup", up);
    list.removeEventListener("pointercancel", up);
  };
}
