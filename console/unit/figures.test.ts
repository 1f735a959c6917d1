/** Claims about what the chart of usage draws. */
import { expect, test } from "vitest";

import type { Sums, Usage } from "@/api/queries/usage";
import { cacheHit, drawnGroups, drawnKinds, errorRate, kindsOf, tokensOf } from "@/pages/usage/figures";
import { rest } from "@/style/charts";

const DAYS = ["2026-11-20T00:00:00+08:00", "2026-11-21T00:00:00+08:00"];

function sums(change: Partial<Sums> = {}): Sums {
  return {
    requests: 1, answered: 1, input_fresh: 10, input_cached: 30, input_written: 0, output: 5, output_reasoning: 2,
    searches: 0, cost: "1.00", credits: "0", first_ms: 100, ...change,
  };
}

function usage(costs: readonly (readonly [group: string, day: number, cost: string])[]): Usage {
  return {
    since: DAYS[0] ?? "", until: DAYS[1] ?? "", complete_until: null, kept_since: null, zone: "Asia/Shanghai",
    currency: "CNY", starts: DAYS, total: sums(),
    series: costs.map(([group, day, cost]) => ({
      group,
      label: group,
      total: sums({ cost }),
      // The same moment, written in another zone.
      buckets: [{ start: new Date(Date.parse(DAYS[day] ?? "")).toISOString(), sums: sums({ cost }) }],
    })),
  };
}

const SEVEN = usage(["1", "7", "3", "6", "2", "5", "4"].map((cost, index) => [`m${cost}`, index % 2, cost] as const));

test("five groups are drawn, the dearest first, and all others together come last, in grey", () => {
  const drawn = drawnGroups(SEVEN, "cost", "light", ({ label }) => label, "Other");
  expect(drawn.map(({ name }) => name)).toEqual(["m7", "m6", "m5", "m4", "m3", "Other"]);
  expect(drawn.at(-1)?.color).toBe(rest.light);
  expect(drawn.flatMap(({ values }) => values).reduce((sum, value) => sum + value)).toBe(28);
});

test("a bucket stands in its place, whatever zone it is written in", () => {
  const [only] = drawnGroups(usage([["a", 1, "2"]]), "cost", "light", ({ label }) => label, "Other");
  expect(only?.values).toEqual([0, 2]);
});

test("a time that nobody measured is no zero, and times have no rest", () => {
  const drawn = drawnGroups(SEVEN, "ttft", "light", ({ label }) => label, "Other");
  expect(drawn).toHaveLength(5);
  expect(drawn[0]?.values.filter(Number.isNaN)).toHaveLength(1);
});

test("kinds of tokens are drawn in their order, each token once", () => {
  const drawn = drawnKinds(usage([["", 0, "1"]]), "dark", (kind) => kind);
  expect(drawn.map(({ name, values }) => [name, values[0]])).toEqual([
    ["cached", 30], ["fresh", 10], ["output", 3], ["reasoning", 2],
  ]);
  const kinds = Object.values(kindsOf(sums({ input_written: 7 })));
  expect(kinds.reduce((sum, each) => sum + each)).toBe(tokensOf(sums({ input_written: 7 })));
});

test("shares of nothing are unknown", () => {
  const none = sums({ requests: 0, answered: 0, input_fresh: 0, input_cached: 0, output: 0 });
  expect([cacheHit(none), errorRate(none)]).toEqual([null, null]);
  expect([cacheHit(sums()), errorRate(sums({ requests: 4, answered: 3 }))]).toEqual([0.75, 0.25]);
});
