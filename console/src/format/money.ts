/** Amounts of money as people read them, from the exact decimal strings of the API. */
import type { Language } from "@/preferences";

import { isZero, parseDecimal, roundTo, type Decimal } from "./decimal";

const SYMBOLS: Record<string, string> = { CNY: "¥", USD: "$" };
const SMALLEST = "0.000001";

/** Two digits from 0.01 up, six below, never 0.00 for what is not zero. */
export function money(amount: string, currency: string, language: Language): string {
  const value = parseDecimal(amount);
  const cents = roundTo(value, 2);
  if (isZero(value) || !isBelowCent(value)) return signed(cents, 2, currency, language);
  const fine = roundTo(value, 6);
  if (!isZero(fine)) return signed(fine, 2, currency, language);
  return `${value.negative ? "> -" : "< "}${symbol(currency)}${SMALLEST}`;
}

/** With all nine digits that are kept, as on a receipt. */
export const exactMoney = (amount: string, currency: string, language: Language): string =>
  signed(parseDecimal(amount), 9, currency, language);

/** A rate, with every digit it has and two at least. */
export const rate = (amount: string, currency: string, language: Language): string =>
  signed(parseDecimal(amount), 2, currency, language);

export const symbol = (currency: string): string => SYMBOLS[currency] ?? `${currency} `;

const isBelowCent = (value: Decimal): boolean => value.whole === "0" && /^(0[0-9]|0?$)/.test(value.fraction);

function signed(value: Decimal, digits: number, currency: string, language: Language): string {
  const whole = new Intl.NumberFormat(language).format(BigInt(value.whole));
  return `${value.negative ? "-" : ""}${symbol(currency)}${whole}.${value.fraction.padEnd(digits, "0")}`;
}
