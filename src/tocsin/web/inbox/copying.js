/**
 * Copy a text that is shown. Without TLS a page has no clipboard but the old way, which takes what is selected.
 * @param {HTMLElement} shown what holds the text, or an input
 */
export async function copy(shown) {
  const input = shown instanceof HTMLInputElement ? shown : null;
  try {
    await navigator.clipboard.writeText(input?.value ?? shown.textContent ?? "");
  } catch {
    if (input) input.select();
    else getSelection()?.selectAllChildren(shown);
    document.execCommand("copy");
  }
}
