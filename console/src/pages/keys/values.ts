/** Turns what the form of a key holds into what the API is asked for, and a key into what the form holds. */
import type { Key, KeyAsked, KeyChange } from "@/api/queries/keys";
import { startOfDate } from "@/format/times";

export type Expiry = "keep" | "none" | "d7" | "d30" | "d90" | "date";

export interface KeyValues {
  name: string;
  expiry: Expiry;
  /** The last day on which the key works, as `2026-12-31`; only with the expiry `date`. */
  day?: string | null;
  models?: string[];
  cap?: string;
  addresses?: string[];
  rpm?: number | null;
  tpm?: number | null;
  concurrency?: number | null;
}

const DAYS = { d7: 7, d30: 30, d90: 90 } as const;

/** When the key is to stop; undefined: as it was. */
export function expiresAt({ expiry, day }: KeyValues, now: Date, zone: string): string | null | undefined {
  switch (expiry) {
    case "keep":
      return undefined;
    case "none":
      return null;
    case "date":
      return day == null ? null : endOfDay(day, zone).toISOString();
    default:
      return new Date(now.getTime() + DAYS[expiry] * 86_400_000).toISOString();
  }
}

/** The midnight after a day, as `2026-12-31`. */
export function endOfDay(day: string, zone: string): Date {
  const [year = 0, month = 1, date = 1] = day.split("-").map(Number);
  return startOfDate(year, month, date + 1, zone);
}

export function askedOf(values: KeyValues, now: Date, zone: string): KeyAsked {
  return { name: values.name.trim(), expires_at: expiresAt(values, now, zone) ?? null, ...limitsOf(values) };
}

export function changeOf(values: KeyValues, now: Date, zone: string): KeyChange {
  const expires = expiresAt(values, now, zone);
  return { name: values.name.trim(), ...(expires !== undefined && { expires_at: expires }), ...limitsOf(values) };
}

export function valuesOf(key: Key): KeyValues {
  return {
    name: key.name,
    expiry: "keep",
    models: key.models ?? [],
    cap: key.cap ?? "",
    addresses: key.addresses ?? [],
    rpm: key.limits.rpm,
    tpm: key.limits.tpm,
    concurrency: key.limits.concurrency,
  };
}

function limitsOf({ models, cap, addresses, rpm, tpm, concurrency }: KeyValues) {
  return {
    models: filled(models),
    cap: cap === undefined || cap.trim() === "" ? null : cap.trim(),
    addresses: filled(addresses),
    limits: { rpm: rpm ?? null, tpm: tpm ?? null, concurrency: concurrency ?? null },
  };
}

const filled = (list: string[] | undefined): string[] | null => (list === undefined || list.length === 0 ? null : list);
