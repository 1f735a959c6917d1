/** Turns what the form of a tier holds into what the API is asked for, and a tier into what the form holds. */
import type { Terms } from "@/api/queries/offers";
import type { Tier } from "@/api/queries/plan";

export const CURRENCIES = ["USD", "CNY"] as const;
export const UNITS = { minute: 60, hour: 3_600, day: 86_400 } as const;
export type Unit = keyof typeof UNITS;

export interface PlanValues {
  id: string;
  name: { en: string; zh: string };
  credits: string;
  prices: Record<(typeof CURRENCIES)[number], { month?: string; year?: string }>;
  windows: { name: string; every: number; unit: Unit; credits: string }[];
  /** `percent` of what everything costs else. */
  off_peak: { start: string; end: string; zone: string; percent: number }[];
  /** None: all that have a Credits rate. */
  models: string[];
  web_search: boolean;
  most_seats: number;
  /** In percent off the price. */
  first_purchase: number;
  rank: number;
  position: number | null;
}

export const EMPTY: Partial<PlanValues> = {
  windows: [],
  off_peak: [],
  models: [],
  web_search: false,
  most_seats: 1,
  first_purchase: 0,
  rank: 0,
  position: null,
};

export function valuesOf(tier: Tier): PlanValues {
  const price = (currency: (typeof CURRENCIES)[number]) => {
    const { month = null, year = null } = tier.prices[currency] ?? {};
    return { month: month ?? "", year: year ?? "" };
  };
  return {
    id: tier.id,
    name: { ...tier.name },
    credits: tier.credits,
    prices: { USD: price("USD"), CNY: price("CNY") },
    windows: tier.windows.map(({ name, seconds, credits }) => ({ name, credits, ...spanOf(seconds) })),
    off_peak: tier.off_peak.map(({ permille, ...hours }) => ({ ...hours, percent: permille / 10 })),
    models: tier.models ?? [],
    web_search: tier.web_search,
    most_seats: tier.most_seats,
    first_purchase: tier.first_purchase / 10,
    rank: tier.rank,
    position: tier.position,
  };
}

export function termsOf(values: PlanValues): Terms {
  const price = ({ month, year }: { month?: string; year?: string } = {}) => ({ month: given(month), year: given(year) });
  return {
    name: { en: values.name.en.trim(), zh: values.name.zh.trim() },
    credits: values.credits.trim(),
    prices: { USD: price(values.prices.USD), CNY: price(values.prices.CNY) },
    windows: values.windows.map(({ name, every, unit, credits }) => ({
      name: name.trim(),
      seconds: Math.round(every * UNITS[unit]),
      credits: credits.trim(),
    })),
    off_peak: values.off_peak.map(({ percent, ...hours }) => ({ ...hours, permille: Math.round(percent * 10) })),
    models: values.models.length === 0 ? null : values.models,
    web_search: values.web_search,
    most_seats: values.most_seats,
    first_purchase: Math.round(values.first_purchase * 10),
    rank: values.rank,
    position: values.position,
  };
}

/** The largest unit in which a span is a whole number. */
function spanOf(seconds: number): { every: number; unit: Unit } {
  const unit = (["day", "hour", "minute"] as const).find((each) => seconds % UNITS[each] === 0) ?? "minute";
  return { every: seconds / UNITS[unit], unit };
}

const given = (typed: string | undefined): string | null => (typed === undefined || typed.trim() === "" ? null : typed.trim());
