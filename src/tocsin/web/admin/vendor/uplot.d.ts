/** What is used of uPlot, for the type check. */
export type Columns = (number | null)[][];
export default class uPlot {
  constructor(options: object, data: Columns, target: HTMLElement);
  readonly data: Columns;
  readonly cursor: { readonly idx?: number | null };
  setData(data: Columns, resetScales?: boolean): void;
  setScale(name: string, range: { min: number; max: number }): void;
  setSize(size: { width: number; height: number }): void;
  redraw(rebuildPaths?: boolean, recalcAxes?: boolean): void;
  destroy(): void;
  static readonly paths: { bars(options: object): unknown; spline(): unknown };
}
