/** What the usage page shows, kept in its address: range, metric, grouping, purse, filters. */
import { useSearchParams } from "react-router";

import type { SeriesAsked } from "@/api/queries/usage";

import { RANGES, type RangeName, type Span } from "./range";

export const METRICS = ["cost", "credits", "tokens", "requests", "ttft"] as const;
export type Metric = (typeof METRICS)[number];

export const GROUPS = ["model", "key", "tool", "kind"] as const;
export type By = (typeof GROUPS)[number];

export const PURSES = ["both", "wallet", "plan"] as const;
export type Purse = (typeof PURSES)[number];

export const STATUSES = ["all", "answered", "failed", "cancelled"] as const;
export type Status = (typeof STATUSES)[number];

export const ORDERS = ["newest", "dearest"] as const;
export type Order = (typeof ORDERS)[number];

export const FILTERS = ["model", "key", "tool"] as const;
export type Filter = (typeof FILTERS)[number];

export interface View {
  range: RangeName;
  from: string;
  to: string;
  metric: Metric;
  by: By;
  purse: Purse;
  status: Status;
  order: Order;
  only: Partial<Record<Filter, string>>;
}

type Change = Record<string, string | null>;

export function useView(): [View, (change: Change, how?: { back?: boolean }) => void] {
  const [search, setSearch] = useSearchParams();
  const put = (change: Change, { back = false } = {}): void => {
    const next = new URLSearchParams(search);
    for (const [name, value] of Object.entries(change)) {
      if (value === null || value === "") next.delete(name);
      else next.set(name, value);
    }
    setSearch(next, { replace: !back });
  };
  return [read(search), put];
}

export function read(search: URLSearchParams): View {
  const purse = oneOf(PURSES, search.get("purse"), "both");
  const by = oneOf(GROUPS, search.get("by"), "model");
  const metric = oneOf(METRICS, search.get("metric"), purse === "plan" ? "credits" : "cost");
  const only = FILTERS.map((name) => [name, search.get(name)] as const).filter(([, value]) => value !== null);
  return {
    range: search.has("from") ? "custom" : oneOf(RANGES, search.get("range"), "week"),
    from: search.get("from") ?? "",
    to: search.get("to") ?? "",
    metric: by === "kind" ? "tokens" : metric,
    by,
    purse,
    status: oneOf(STATUSES, search.get("status"), "all"),
    order: oneOf(ORDERS, search.get("order"), "newest"),
    only: Object.fromEntries(only) as Partial<Record<Filter, string>>,
  };
}

/** Which exchanges: the part that sums, list and file have in common. */
export function asked(view: View, { since, until }: Pick<Span, "since" | "until">): SeriesAsked {
  const { model, key, tool } = view.only;
  return {
    since: since.toISOString(),
    until: until.toISOString(),
    purse: view.purse,
    status: view.status,
    ...(model !== undefined && { model }),
    ...(key !== undefined && { key }),
    ...(tool !== undefined && { client: tool }),
  };
}

export const groupOf = (by: By): "none" | "model" | "key" | "client" =>
  by === "tool" ? "client" : by === "kind" ? "none" : by;

const oneOf = <T extends string>(all: readonly T[], value: string | null, usual: T): T =>
  all.find((each) => each === value) ?? usual;
