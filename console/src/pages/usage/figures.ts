/** Reads the figures that are drawn and shown out of sums. */
import type { Sums, Usage } from "@/api/queries/usage";
import { rest, series as colours, TOKEN_KINDS, tokenKinds, type TokenKind } from "@/style/charts";
import type { Theme } from "@/style/tokens";

import type { Metric } from "./useView";

/** Of a metric, for drawing; null where nothing is known. */
export function figureOf(metric: Metric, sums: Sums): number | null {
  switch (metric) {
    case "cost":
      return Number(sums.cost);
    case "credits":
      return Number(sums.credits);
    case "tokens":
      return tokensOf(sums);
    case "requests":
      return sums.requests;
    case "ttft":
      return sums.first_ms;
  }
}

export const promptOf = (sums: Pick<Sums, "input_cached" | "input_fresh" | "input_written">): number =>
  sums.input_cached + sums.input_fresh + sums.input_written;

export const tokensOf = (sums: Sums): number => promptOf(sums) + sums.output;

/** By kind, none in two: output is without reasoning, fresh is with what was written to a cache. */
export const kindsOf = (
  sums: Pick<Sums, "input_cached" | "input_fresh" | "input_written" | "output" | "output_reasoning">,
): Record<TokenKind, number> => ({
  cached: sums.input_cached,
  fresh: sums.input_fresh + sums.input_written,
  output: sums.output - sums.output_reasoning,
  reasoning: sums.output_reasoning,
});

/** Of a prompt's tokens, the share that came from a cache; null without any. */
export function cacheHit(sums: Sums): number | null {
  const prompt = promptOf(sums);
  return prompt === 0 ? null : sums.input_cached / prompt;
}

export const errorRate = (sums: Sums): number | null =>
  sums.requests === 0 ? null : (sums.requests - sums.answered) / sums.requests;

export interface Drawn {
  name: string;
  values: number[];
  color: string;
}

const MOST_SERIES = 5;

/** The five groups with the most of the metric, each bucket of the range, and all others together. */
export function drawnGroups(usage: Usage, metric: Metric, theme: Theme, nameOf: (group: Usage["series"][number]) => string, other: string): Drawn[] {
  const ranked = [...usage.series].sort((a, b) => (figureOf(metric, b.total) ?? 0) - (figureOf(metric, a.total) ?? 0));
  const told = ranked.filter((each) => (figureOf(metric, each.total) ?? 0) > 0);
  const drawn = told.slice(0, MOST_SERIES).map((each, index) => ({
    name: nameOf(each),
    values: spread(usage, each, metric),
    color: colours[theme][index] ?? rest[theme],
  }));
  const left = told.slice(MOST_SERIES);
  // A mean of means would be no mean: what is timed has no rest.
  if (left.length === 0 || metric === "ttft") return drawn;
  const values = left.map((each) => spread(usage, each, metric)).reduce((sum, each) => sum.map((value, at) => value + (each[at] ?? 0)));
  return [...drawn, { name: other, values, color: rest[theme] }];
}

export function drawnKinds(usage: Usage, theme: Theme, nameOf: (kind: TokenKind) => string): Drawn[] {
  const all = usage.series[0];
  const at = placesOf(usage);
  return TOKEN_KINDS.map((kind) => {
    const values = usage.starts.map(() => 0);
    for (const { start, sums } of all?.buckets ?? []) {
      const place = at.get(Date.parse(start));
      if (place !== undefined) values[place] = kindsOf(sums)[kind];
    }
    return { name: nameOf(kind), values, color: tokenKinds[theme][kind] };
  });
}

function spread(usage: Usage, { buckets }: Usage["series"][number], metric: Metric): number[] {
  const nothing = metric === "ttft" ? NaN : 0;
  const values = usage.starts.map(() => nothing);
  const at = placesOf(usage);
  for (const { start, sums } of buckets) {
    const place = at.get(Date.parse(start));
    if (place !== undefined) values[place] = figureOf(metric, sums) ?? nothing;
  }
  return values;
}

const placesOf = (usage: Usage): Map<number, number> => new Map(usage.starts.map((start, index) => [Date.parse(start), index]));
