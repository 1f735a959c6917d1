/** Whether the window is at least so many CSS pixels wide. */
import { useSyncExternalStore } from "react";

export function useWidth(least: number): boolean {
  const query = `(min-width: ${String(least)}px)`;
  return useSyncExternalStore(
    (listener) => {
      const media = matchMedia(query);
      media.addEventListener("change", listener);
      return () => media.removeEventListener("change", listener);
    },
    () => matchMedia(query).matches,
  );
}
