/** Which time a range of the usage page covers, in days of the chosen zone, and which comes before it to compare with. */
import { startOfDate } from "@/format/times";

export const RANGES = ["today", "week", "days30", "month", "custom"] as const;
export type RangeName = (typeof RANGES)[number];

export interface Between {
  since: Date;
  until: Date;
}

export interface Span extends Between {
  /** The first and the last day, as `2026-11-22`. */
  from: string;
  to: string;
  step: "hour" | "day";
  /** As long a time before, as far as the span itself has gone by now. */
  before: Between;
}

type Day = readonly [year: number, month: number, date: number];

const DAY = 86_400_000;
const HOURLY = 2;

/** Throws nothing: a custom range that is none, or ends before it begins, is today. */
export function spanOf(name: RangeName, from: string, to: string, now: Date, zone: string): Span {
  const today = dayIn(now, zone);
  const [first, last] = daysOf(name, from, to, today);
  const start = (day: Day, more = 0) => startOfDate(day[0], day[1], day[2] + more, zone);
  const [since, until] = [start(first), start(last, 1)];
  const days = daysBetween(first, last) + 1;
  const earlier = name === "month" ? startOfDate(first[0], first[1] - 1, 1, zone) : start(first, -days);
  const gone = Math.min(now.getTime(), until.getTime()) - since.getTime();
  return {
    since,
    until,
    from: written(first),
    to: written(last),
    step: days <= HOURLY ? "hour" : "day",
    before: { since: earlier, until: new Date(Math.min(since.getTime(), earlier.getTime() + Math.max(gone, 60_000))) },
  };
}

/** The date of a moment, as `2026-11-22`. */
export const dateIn = (moment: Date, zone: string): string => written(dayIn(moment, zone));

function daysOf(name: RangeName, from: string, to: string, today: Day): [Day, Day] {
  switch (name) {
    case "today":
      return [today, today];
    case "week":
      return [later(today, -6), today];
    case "days30":
      return [later(today, -29), today];
    case "month":
      return [[today[0], today[1], 1], today];
    case "custom": {
      const [first, last] = [read(from) ?? today, read(to) ?? read(from) ?? today];
      return daysBetween(first, last) < 0 ? [today, today] : [first, last];
    }
  }
}

function dayIn(moment: Date, zone: string): Day {
  const text = new Intl.DateTimeFormat("sv-SE", { timeZone: zone }).format(moment);
  return read(text) ?? [1970, 1, 1];
}

function read(text: string): Day | null {
  const found = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text);
  if (found === null) return null;
  const day: Day = [Number(found[1]), Number(found[2]), Number(found[3])];
  return written(later(day, 0)) === text ? day : null;
}

const later = ([year, month, date]: Day, days: number): Day => {
  const moved = new Date(Date.UTC(year, month - 1, date + days));
  return [moved.getUTCFullYear(), moved.getUTCMonth() + 1, moved.getUTCDate()];
};

const daysBetween = (first: Day, last: Day): number =>
  Math.round((Date.UTC(last[0], last[1] - 1, last[2]) - Date.UTC(first[0], first[1] - 1, first[2])) / DAY);

const written = ([year, month, date]: Day): string =>
  `${String(year).padStart(4, "0")}-${String(month).padStart(2, "0")}-${String(date).padStart(2, "0")}`;
