/** Claims about the hours in which a plan costs less. */
import { expect, test } from "vitest";

import { isWithin } from "@/pages/plan/hours";

const night = { start: "23:00", end: "07:30", zone: "Asia/Shanghai" };
const noon = { start: "12:00", end: "14:00", zone: "UTC" };

test.each([
  [night, "2026-11-22T15:00:00Z", true],
  [night, "2026-11-22T23:29:59Z", true],
  [night, "2026-11-22T23:30:00Z", false],
  [night, "2026-11-22T14:59:00Z", false],
  [noon, "2026-11-22T13:59:00Z", true],
  [noon, "2026-11-22T14:00:00Z", false],
])("%o at %s: %s", (hours, at, within) => {
  expect(isWithin(hours, new Date(at))).toBe(within);
});
