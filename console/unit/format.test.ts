/** Claims about how amounts, counts and times are written. */
import { expect, test } from "vitest";

import { addDecimals, compareDecimals, quotient, roundTo, parseDecimal, share } from "@/format/decimal";
import { exactMoney, money, rate } from "@/format/money";
import { compact, count, duration, percent } from "@/format/numbers";
import { dateTime, offset, startOfDay } from "@/format/times";

test.each([
  ["128.5", "¥128.50"],
  ["0", "¥0.00"],
  ["-41.2", "-¥41.20"],
  ["1234567.899", "¥1,234,567.90"],
  ["0.01", "¥0.01"],
  ["0.009999999", "¥0.01"],
  ["0.00120525", "¥0.001205"],
  ["0.000001", "¥0.000001"],
  ["0.0000004", "< ¥0.000001"],
  ["0.000000001", "< ¥0.000001"],
  ["9007199254740993.01", "¥9,007,199,254,740,993.01"],
])("%s is read as %s", (amount, read) => {
  expect(money(amount, "CNY", "en")).toBe(read);
});

test("a receipt keeps nine digits", () => {
  expect(exactMoney("0.00120525", "CNY", "en")).toBe("¥0.001205250");
});

test("a rate keeps every digit it has", () => {
  expect(rate("0.0036", "USD", "en")).toBe("$0.0036");
  expect(rate("3", "CNY", "en")).toBe("¥3.00");
});

test("sums of decimals are exact", () => {
  expect(addDecimals("0.1", "0.2")).toBe("0.3");
  expect(addDecimals("9007199254740993", "-0.000000001")).toBe("9007199254740992.999999999");
});

test("rounding carries into the whole", () => {
  expect(roundTo(parseDecimal("9.999"), 2)).toEqual(parseDecimal("10"));
});

test("decimals compare by value, not by text", () => {
  expect(compareDecimals("10", "9.5")).toBe(1);
  expect(compareDecimals("-1", "1.0")).toBe(-1);
  expect(compareDecimals("1.50", "1.5")).toBe(0);
});

test("a share stays between nothing and all", () => {
  expect(share("5", "0")).toBe(0);
  expect(share("7", "5")).toBe(1);
  expect(share("61", "100")).toBe(0.61);
});

test("counts are grouped, and short in the reader's language", () => {
  expect(count(18204, "en")).toBe("18,204");
  expect(count("4100000000.5", "en")).toBe("4,100,000,000.5");
  expect(compact(4_100_000_000, "en")).toBe("4.1B");
  expect(compact(4_100_000_000, "zh-CN")).toBe("41亿");
});

test("durations take the unit that fits", () => {
  expect(duration(612, "en")).toBe("612 ms");
  expect(duration(6_100, "zh-CN")).toBe("6.1 s");
  expect(duration(125_000, "en")).toBe("2 min 5 s");
  expect(percent(0.831, "en")).toBe("83.1%");
});

test("moments are written in the chosen zone", () => {
  expect(dateTime("2026-11-22T12:16:05Z", "zh-CN", "Asia/Shanghai")).toBe("2026-11-22 20:16:05");
  expect(dateTime("2026-11-22T12:16:05Z", "en", "Asia/Shanghai")).toBe("Nov 22, 2026, 20:16:05");
  expect(offset("Asia/Shanghai", new Date("2026-11-22T12:16:05Z"))).toBe("UTC+8");
});

test.each([
  ["2026-11-22T12:16:05Z", "Asia/Shanghai", "2026-11-21T16:00:00.000Z"],
  ["2026-11-22T17:00:00Z", "Asia/Shanghai", "2026-11-22T16:00:00.000Z"],
  ["2026-11-22T03:00:00Z", "America/New_York", "2026-11-21T05:00:00.000Z"],
  ["2026-11-01T20:00:00Z", "America/New_York", "2026-11-01T04:00:00.000Z"],
  ["2026-03-08T20:00:00Z", "America/New_York", "2026-03-08T05:00:00.000Z"],
  ["2026-11-22T20:00:00Z", "Asia/Kathmandu", "2026-11-22T18:15:00.000Z"],
  ["2026-11-22T20:00:00Z", "UTC", "2026-11-22T00:00:00.000Z"],
])("at %s the day of %s began at %s", (moment, zone, began) => {
  expect(startOfDay(new Date(moment), zone).toISOString()).toBe(began);
});

test("a quotient is rough, and there is none by nothing", () => {
  expect(quotient("128.5", "3.21")).toBeCloseTo(40.03, 2);
  expect(quotient("1", "0")).toBeNull();
});
