/** Moments in the reader's language and chosen zone; the API gives them in RFC 3339. */
import type { Language } from "@/preferences";

/** `2026-11-22 20:16:05` in Chinese, `Nov 22, 2026, 20:16:05` in English. */
export function dateTime(moment: string | Date, language: Language, zone: string): string {
  return formatted(moment, language, zone, { date: true, time: true });
}

/** The date alone. */
export function day(moment: string | Date, language: Language, zone: string): string {
  return formatted(moment, language, zone, { date: true, time: false });
}

/** `20:16:05`. */
export function clock(moment: string | Date, language: Language, zone: string): string {
  return formatted(moment, language, zone, { date: false, time: true });
}

/** `11-22` in Chinese, `Nov 22` in English. */
export function shortDay(moment: string | Date, language: Language, zone: string): string {
  if (language === "zh-CN") return day(moment, language, zone).slice("2026-".length);
  return new Intl.DateTimeFormat("en-US", { timeZone: zone, month: "short", day: "numeric" }).format(new Date(moment));
}

/** `20:00`. */
export function hour(moment: string | Date, zone: string): string {
  return new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "2-digit", minute: "2-digit" }).format(new Date(moment));
}

/** `2 minutes ago`, `in 3 days`. */
export function relative(moment: string | Date, now: Date, language: Language): string {
  const seconds = (new Date(moment).getTime() - now.getTime()) / 1_000;
  const words = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  const [unit, size] = STEPS.find(([, size]) => Math.abs(seconds) >= size) ?? (["second", 1] as const);
  return words.format(Math.trunc(seconds / size), unit);
}

/** `UTC+8`, of an IANA zone at a moment. */
export function offset(zone: string, at: Date): string {
  const parts = new Intl.DateTimeFormat("en", { timeZone: zone, timeZoneName: "shortOffset" }).formatToParts(at);
  const name = parts.find((part) => part.type === "timeZoneName")?.value ?? "UTC";
  return name.replace("GMT", "UTC");
}

/** When the zone's day began that a moment belongs to. */
export function startOfDay(moment: Date, zone: string): Date {
  const parts = new Intl.DateTimeFormat("en-US", { timeZone: zone, year: "numeric", month: "numeric", day: "numeric" })
    .formatToParts(moment)
    .reduce<Record<string, number>>((found, { type, value }) => ({ ...found, [type]: Number(value) }), {});
  return startOfDate(parts.year ?? 0, parts.month ?? 1, parts.day ?? 1, zone);
}

/** When a date of the calendar begins in a zone; months count from 1, and a day too many is one of the next month. */
export function startOfDate(year: number, month: number, date: number, zone: string): Date {
  const midnight = Date.UTC(year, month - 1, date);
  // Twice, since the zone may have changed its clock between the guess and the answer.
  const guess = midnight - minutesAhead(zone, new Date(midnight)) * 60_000;
  return new Date(midnight - minutesAhead(zone, new Date(guess)) * 60_000);
}

function minutesAhead(zone: string, at: Date): number {
  const found = /UTC([+-])(\d+)(?::(\d+))?/.exec(offset(zone, at));
  if (found === null) return 0;
  return (found[1] === "-" ? -1 : 1) * (Number(found[2]) * 60 + Number(found[3] ?? 0));
}

const STEPS: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

function formatted(
  moment: string | Date,
  language: Language,
  zone: string,
  wanted: { date: boolean; time: boolean },
): string {
  // Swedish writes dates as ISO does, which is what the Chinese console shows.
  const chinese = language === "zh-CN";
  return new Intl.DateTimeFormat(chinese ? "sv-SE" : "en-US", {
    timeZone: zone,
    ...(wanted.date && (chinese ? { year: "numeric", month: "2-digit", day: "2-digit" } : { dateStyle: "medium" })),
    ...(wanted.time &&
      (chinese || !wanted.date
        ? { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" }
        : { timeStyle: "medium", hourCycle: "h23" })),
  }).format(new Date(moment));
}
