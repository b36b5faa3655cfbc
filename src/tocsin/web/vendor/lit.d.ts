/** What is used of Lit, for the type check: a template is a value that is only handed on. */
export type Template = { readonly _$litType$: number };
export function html(strings: TemplateStringsArray, ...values: unknown[]): Template;
export function svg(strings: TemplateStringsArray, ...values: unknown[]): Template;
export type Styles = { readonly cssText: string; readonly styleSheet: CSSStyleSheet };
export function css(strings: TemplateStringsArray, ...values: unknown[]): Styles;
export const nothing: unique symbol;
export function repeat<T>(items: Iterable<T>, key: (item: T) => unknown, template: (item: T, index: number) => unknown): unknown;
export function live(value: unknown): unknown;
export function classMap(classes: Record<string, boolean>): unknown;

export class LitElement extends HTMLElement {
  static styles: unknown;
  static properties: Record<string, { attribute?: boolean | string; type?: unknown; reflect?: boolean; state?: boolean }>;
  readonly renderRoot: HTMLElement | ShadowRoot;
  readonly updateComplete: Promise<boolean>;
  readonly hasUpdated: boolean;
  requestUpdate(): void;
  protected createRenderRoot(): HTMLElement | ShadowRoot;
  connectedCallback(): void;
  disconnectedCallback(): void;
  protected willUpdate(changed: Map<string, unknown>): void;
  protected firstUpdated(changed: Map<string, unknown>): void;
  protected updated(changed: Map<string, unknown>): void;
  protected render(): unknown;
}
