/** What a new batch of codes is made of, and the file in which it is handed out. */
import type { BatchAsked } from "@/api/queries/codes";
import { addDecimals } from "@/format/decimal";

export const EXPIRIES = ["none", "d30", "d90", "d365"] as const;
export type Expiry = (typeof EXPIRIES)[number];

const DAYS = { d30: 30, d90: 90, d365: 365 } as const;

export const expiresAt = (expiry: Expiry, now: Date): string | null =>
  expiry === "none" ? null : new Date(now.getTime() + DAYS[expiry] * 86_400_000).toISOString();

/** Exactly, as a decimal string; `times` is a whole number. */
export function timesDecimal(amount: string, times: number): string {
  let [sum, power, left] = ["0", amount, times];
  while (left > 0) {
    if (left % 2 === 1) sum = addDecimals(sum, power);
    power = addDecimals(power, power);
    left = Math.floor(left / 2);
  }
  return sum;
}

/** A line for each code; spreadsheets know by the mark at its beginning that it is UTF-8. */
export function sheetOf({ amount, currency, expires_at: until }: BatchAsked, codes: readonly string[]): string {
  const lines = codes.map((code) => [code, amount, currency, until ?? ""].join(","));
  return `\uFEFF${["code,amount,currency,expires_at", ...lines].join("\r\n")}\r\n`;
}
