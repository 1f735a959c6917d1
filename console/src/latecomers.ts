/** Fetches the parts of the console that come when they are needed; one that does not come begins the page anew. */
import { lazy, type ComponentType, type LazyExoticComponent } from "react";

const RELOADED = "tm-reloaded";
const PAUSE = 2_000;
/** Milliseconds within which a page that was begun anew for a part is not begun anew again. */
const ONCE = 10_000;

/** A part, as `import()` brings it. While the server is away this waits.
 *
 * A browser never asks again for a module that failed, and after an upgrade the old ones are gone: both times only a new
 * page helps. Throws what `load` throws when that was tried just now.
 */
export async function latecomer<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    await serverThere();
    if (!begunAnew()) throw cause;
    return new Promise<never>(() => undefined);
  }
}

/** A component in a part of its own. */
export const late = <P>(load: () => Promise<{ default: ComponentType<P> }>): LazyExoticComponent<ComponentType<P>> =>
  lazy(() => latecomer(load));

async function serverThere(): Promise<void> {
  for (;;) {
    const reply = await fetch("/console/api/v1/welcome").catch(() => null);
    if (reply !== null && reply.status < 502) return;
    await new Promise((resume) => setTimeout(resume, PAUSE));
  }
}

function begunAnew(): boolean {
  try {
    if (Date.now() - Number(sessionStorage.getItem(RELOADED)) < ONCE) return false;
    sessionStorage.setItem(RELOADED, String(Date.now()));
  } catch {
    // Without storage nothing would keep this from going round in circles.
    return false;
  }
  location.reload();
  return true;
}
