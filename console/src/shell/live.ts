/** Says things to those who do not see them happen; `Shell` and the entry pages hold the region that is read out. */

export const REGION = "tm-live";

export function announce(text: string): void {
  const region = document.getElementById(REGION);
  if (region === null) return;
  region.textContent = "";
  requestAnimationFrame(() => (region.textContent = text));
}
