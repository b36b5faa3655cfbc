/** @typedef {import("./days.js").Line} Line */

/** Where each line of a list begins, for lines of two heights. */
export class Heights {
  /**
   * @param {readonly Line[]} lines
   * @param {number} ofDay pixels of a heading
   * @param {number} ofItem pixels of a notification
   */
  constructor(lines, ofDay, ofItem) {
    this.tops = new Float64Array(lines.length + 1);
    let top = 0;
    for (let at = 0; at < lines.length; at += 1) {
      this.tops[at] = top;
      top += lines[at]?.item ? ofItem : ofDay;
    }
    this.tops[lines.length] = top;
    this.count = lines.length;
  }

  /** Pixels of all of it. */
  get total() {
    return this.tops[this.count] ?? 0;
  }

  /** @param {number} line */
  top(line) {
    return this.tops[Math.min(Math.max(line, 0), this.count)] ?? 0;
  }

  /**
   * The line at a height.
   * @param {number} y pixels
   */
  at(y) {
    let low = 0, high = this.count - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.top(middle) <= y) low = middle;
      else high = middle - 1;
    }
    return Math.max(low, 0);
  }

  /**
   * Which lines are to be in the document: those in sight and some around them.
   * @param {number} scrolled pixels above what is in sight
   * @param {number} height pixels in sight
   * @param {number} around pixels more on both sides
   * @returns {[number, number]} from this one to before that one
   */
  span(scrolled, height, around) {
    if (this.count === 0) return [0, 0];
    return [this.at(Math.max(0, scrolled - around)), Math.min(this.count, this.at(scrolled + height + around) + 1)];
  }
}
