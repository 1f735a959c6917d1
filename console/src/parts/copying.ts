/** Copies text, on plain http as well, where browsers withhold the clipboard. */

/** False when the browser refuses; the text then has to be selected by hand. */
export async function copyText(text: string, beside: HTMLElement): Promise<boolean> {
  if (window.isSecureContext && "clipboard" in navigator) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // A page without the permission may still copy a selection.
    }
  }
  return copySelection(text, beside);
}

/** `beside` keeps the selection within a dialog that holds the focus. */
function copySelection(text: string, beside: HTMLElement): boolean {
  const field = document.createElement("textarea");
  field.value = text;
  field.readOnly = true;
  field.className = "tm-hidden";
  const focused = document.activeElement;
  beside.append(field);
  field.select();
  try {
    return document.execCommand("copy");
  } finally {
    field.remove();
    if (focused instanceof HTMLElement) focused.focus();
  }
}
