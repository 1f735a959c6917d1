/** Claims about the ranges of the usage page: whole days of a zone, and as long a time before them. */
import { expect, test } from "vitest";

import { dateIn, spanOf } from "@/pages/usage/range";

const NOW = new Date("2026-11-22T20:30:00Z"); // 04:30 of the 23rd in Shanghai.
const SHANGHAI = "Asia/Shanghai";

const shown = ({ since, until }: { since: Date; until: Date }) => [since.toISOString(), until.toISOString()];

test("today is that of the zone, by the hour, compared with as much of yesterday", () => {
  const span = spanOf("today", "", "", NOW, SHANGHAI);
  expect(shown(span)).toEqual(["2026-11-22T16:00:00.000Z", "2026-11-23T16:00:00.000Z"]);
  expect([span.from, span.to, span.step]).toEqual(["2026-11-23", "2026-11-23", "hour"]);
  expect(shown(span.before)).toEqual(["2026-11-21T16:00:00.000Z", "2026-11-21T20:30:00.000Z"]);
});

test("seven days end with today", () => {
  const span = spanOf("week", "", "", NOW, SHANGHAI);
  expect([span.from, span.to, span.step]).toEqual(["2026-11-17", "2026-11-23", "day"]);
  expect(span.before.since.toISOString()).toBe("2026-11-09T16:00:00.000Z");
});

test("a month is compared with the one before it, though that is longer or shorter", () => {
  const span = spanOf("month", "", "", new Date("2026-03-31T12:00:00Z"), "UTC");
  expect(shown(span)).toEqual(["2026-03-01T00:00:00.000Z", "2026-04-01T00:00:00.000Z"]);
  expect(shown(span.before)).toEqual(["2026-02-01T00:00:00.000Z", "2026-03-01T00:00:00.000Z"]);
});

test("a range of one's own has both its days, and is compared whole when it is over", () => {
  const span = spanOf("custom", "2026-11-01", "2026-11-03", NOW, "UTC");
  expect(shown(span)).toEqual(["2026-11-01T00:00:00.000Z", "2026-11-04T00:00:00.000Z"]);
  expect(shown(span.before)).toEqual(["2026-10-29T00:00:00.000Z", "2026-11-01T00:00:00.000Z"]);
});

test.each([
  ["", ""],
  ["2026-02-30", ""],
  ["2026-11-05", "2026-11-01"],
  ["yesterday", "tomorrow"],
])("from %o to %o is no range, and today is shown", (from, to) => {
  expect(spanOf("custom", from, to, NOW, "UTC").from).toBe("2026-11-22");
});

test("where the clock is changed, days are as long as they are", () => {
  const span = spanOf("custom", "2026-10-25", "2026-10-25", NOW, "Europe/Berlin");
  expect(span.until.getTime() - span.since.getTime()).toBe(25 * 3_600_000);
});

test("a moment's date is that of the zone", () => {
  expect([dateIn(NOW, "UTC"), dateIn(NOW, SHANGHAI)]).toEqual(["2026-11-22", "2026-11-23"]);
});
