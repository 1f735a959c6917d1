/** All ways of writing numbers, money and times, in the language and zone that are chosen. */
import { usePreferences } from "@/preferences";

import { exactMoney, money, rate } from "./money";
import { bytes, compact, count, duration, percent } from "./numbers";
import { clock, dateTime, day, hour, offset, relative, shortDay } from "./times";

export * from "./decimal";

export interface Format {
  money: (amount: string, currency: string) => string;
  exactMoney: (amount: string, currency: string) => string;
  rate: (amount: string, currency: string) => string;
  count: (value: number | string) => string;
  compact: (value: number | string) => string;
  percent: (share: number) => string;
  duration: (milliseconds: number) => string;
  bytes: (value: number) => string;
  dateTime: (moment: string | Date) => string;
  day: (moment: string | Date) => string;
  /** The date without its year, for axes. */
  shortDay: (moment: string | Date) => string;
  /** `20:00`. */
  hour: (moment: string | Date) => string;
  clock: (moment: string | Date) => string;
  relative: (moment: string | Date) => string;
  /** `Asia/Shanghai (UTC+8)`. */
  zone: string;
}

export function useFormat(): Format {
  const { language, zone } = usePreferences();
  return {
    money: (amount, currency) => money(amount, currency, language),
    exactMoney: (amount, currency) => exactMoney(amount, currency, language),
    rate: (amount, currency) => rate(amount, currency, language),
    count: (value) => count(value, language),
    compact: (value) => compact(value, language),
    percent: (share) => percent(share, language),
    duration: (milliseconds) => duration(milliseconds, language),
    bytes: (value) => bytes(value, language),
    dateTime: (moment) => dateTime(moment, language, zone),
    day: (moment) => day(moment, language, zone),
    shortDay: (moment) => shortDay(moment, language, zone),
    hour: (moment) => hour(moment, zone),
    clock: (moment) => clock(moment, language, zone),
    relative: (moment) => relative(moment, new Date(), language),
    zone: `${zone} (${offset(zone, new Date())})`,
  };
}
