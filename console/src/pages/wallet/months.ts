/** Months of a zone, as `2026-11`: which one it is, which comes before and after. */

export function monthIn(moment: Date, zone: string): string {
  return new Intl.DateTimeFormat("sv-SE", { timeZone: zone }).format(moment).slice(0, "2026-11".length);
}

export function moved(month: string, by: number): string {
  const [year = 0, number = 1] = month.split("-").map(Number);
  return new Date(Date.UTC(year, number - 1 + by, 1)).toISOString().slice(0, "2026-11".length);
}

export const isMonth = (text: string | null): text is string => text !== null && /^2[0-9]{3}-(0[1-9]|1[0-2])$/.test(text);
