/** Counts down. */
import { useEffect, useState } from "react";

/** Whole seconds until `moment`, in milliseconds since 1970; 0 from then on, and for null. */
export function useSecondsLeft(moment: number | null): number {
  const [now, setNow] = useState(() => Date.now());
  const over = moment === null || now >= moment;
  useEffect(() => {
    if (over) return;
    const timer = setInterval(() => setNow(Date.now()), 250);
    return () => clearInterval(timer);
  }, [over]);
  return over ? 0 : Math.ceil((moment - now) / 1_000);
}
