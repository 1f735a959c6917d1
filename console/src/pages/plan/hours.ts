/** Whether a moment is within hours of the clock that a plan names. */

export interface Hours {
  /** `23:30`. */
  start: string;
  end: string;
  /** An IANA name. */
  zone: string;
}

/** Hours may go past midnight; the end itself is outside. */
export function isWithin({ start, end, zone }: Hours, at: Date): boolean {
  const now = new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(at);
  return start <= end ? start <= now && now < end : now >= start || now < end;
}
