/** Counts, shares and durations in the reader's language. */
import type { Language } from "@/preferences";

import { parseDecimal } from "./decimal";

/** Grouped, whole: `61,300,000`. Decimal strings keep their digits. */
export function count(value: number | string, language: Language): string {
  if (typeof value === "number") return new Intl.NumberFormat(language).format(value);
  const { negative, whole, fraction } = parseDecimal(value);
  const grouped = new Intl.NumberFormat(language).format(BigInt(whole));
  return `${negative ? "-" : ""}${grouped}${fraction === "" ? "" : `.${fraction}`}`;
}

/** Short, for tiles and axes: `61.3M`, `6130万`. */
export function compact(value: number | string, language: Language): string {
  return new Intl.NumberFormat(language, { notation: "compact", maximumFractionDigits: 1 }).format(Number(value));
}

/** `83.1%`, of a share between 0 and 1. */
export function percent(share: number, language: Language): string {
  return new Intl.NumberFormat(language, {
    style: "percent",
    minimumFractionDigits: 1,
    maximumFractionDigits: 1,
  }).format(share);
}

/** `612 ms`, `6.1 s`, `2 min 5 s`: the units are written alike in both languages. */
export function duration(milliseconds: number, language: Language): string {
  const number = (value: number, digits: number): string =>
    new Intl.NumberFormat(language, { maximumFractionDigits: digits }).format(value);
  if (milliseconds < 1_000) return `${number(milliseconds, 0)} ms`;
  if (milliseconds < 60_000) return `${number(milliseconds / 1_000, 1)} s`;
  const seconds = Math.round(milliseconds / 1_000);
  return `${number(Math.floor(seconds / 60), 0)} min ${number(seconds % 60, 0)} s`;
}

/** `1.4 MB`, of bytes. */
export function bytes(value: number, language: Language): string {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte"] as const;
  const step = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, value)) / 3));
  return new Intl.NumberFormat(language, {
    style: "unit",
    unit: units[step] ?? "byte",
    unitDisplay: "short",
    maximumFractionDigits: 1,
  }).format(value / 1000 ** step);
}
