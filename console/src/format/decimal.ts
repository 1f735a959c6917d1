/** Reads and rounds decimal strings exactly; amounts never become floating-point numbers. */

export interface Decimal {
  negative: boolean;
  /** Without leading zeros, `0` when there are none. */
  whole: string;
  /** Without trailing zeros. */
  fraction: string;
}

/** Throws RangeError for what is no decimal number. */
export function parseDecimal(text: string): Decimal {
  const found = /^(-?)([0-9]+)(?:\.([0-9]+))?$/.exec(text);
  if (found === null) throw new RangeError(`no decimal number: ${text}`);
  const whole = (found[2] ?? "").replace(/^0+(?=[0-9])/, "");
  const fraction = (found[3] ?? "").replace(/0+$/, "");
  return { negative: found[1] === "-" && (whole !== "0" || fraction !== ""), whole, fraction };
}

/** To so many digits behind the point, halves away from zero. */
export function roundTo(value: Decimal, digits: number): Decimal {
  if (value.fraction.length <= digits) return value;
  const kept = BigInt(value.whole + value.fraction.slice(0, digits));
  const up = (value.fraction[digits] ?? "0") >= "5" ? 1n : 0n;
  const text = (kept + up).toString().padStart(digits + 1, "0");
  const split = text.length - digits;
  return parseDecimal(`${value.negative ? "-" : ""}${text.slice(0, split)}${digits > 0 ? `.${text.slice(split)}` : ""}`);
}

export const isZero = (value: Decimal): boolean => value.whole === "0" && value.fraction === "";

/** -1, 0 or 1. */
export function compareDecimals(left: string, right: string): number {
  const [a, b] = [scaled(left), scaled(right)];
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Exactly, as a decimal string. */
export function addDecimals(...values: string[]): string {
  return unscaled(values.reduce((sum, value) => sum + scaled(value), 0n));
}

/** Exactly, as a decimal string. */
export const negate = (value: string): string => unscaled(-scaled(value));

/** Part / whole as a number between 0 and 1 for bars; 0 when whole is zero. */
export function share(part: string, whole: string): number {
  const all = scaled(whole);
  if (all <= 0n) return 0;
  return Math.min(1, Math.max(0, Number((scaled(part) * 10_000n) / all) / 10_000));
}

/** Part / whole, for rough figures as days at a pace; null when whole is zero or less. */
export function quotient(part: string, whole: string): number | null {
  const all = scaled(whole);
  return all <= 0n ? null : Number((scaled(part) * 1_000n) / all) / 1_000;
}

const DIGITS = 18;

function scaled(text: string): bigint {
  const value = parseDecimal(text);
  const digits = BigInt(value.whole + value.fraction.slice(0, DIGITS).padEnd(DIGITS, "0"));
  return value.negative ? -digits : digits;
}

function unscaled(value: bigint): string {
  const text = (value < 0n ? -value : value).toString().padStart(DIGITS + 1, "0");
  const fraction = text.slice(-DIGITS).replace(/0+$/, "");
  return `${value < 0n ? "-" : ""}${text.slice(0, -DIGITS)}${fraction === "" ? "" : `.${fraction}`}`;
}
