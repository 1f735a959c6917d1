/** What an account used in the last 30 days, by tool, key or model. */
import { Flex, Segmented } from "antd";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { accountUsageQuery, type AccountDetail } from "@/api/queries/accounts";
import type { Usage } from "@/api/queries/usage";
import { useFormat, type Format } from "@/format";
import { startOfDay } from "@/format/times";
import { Chart, type Series } from "@/parts/Chart";
import { Count } from "@/parts/Count";
import { Empty } from "@/parts/Empty";
import { Loaded } from "@/parts/Loaded";
import { Money } from "@/parts/Money";
import { useFilters } from "@/parts/useFilters";
import { usePreferences } from "@/preferences";
import { rest, series as colours } from "@/style/charts";

import { Figure } from "./Figure";

const GROUPS = ["client", "key", "model"] as const;
const METRICS = ["cost", "credits", "requests"] as const;
type Metric = (typeof METRICS)[number];

const DAYS = 30;

export function UsageOfMonth({ account }: { account: AccountDetail }) {
  const { zone } = usePreferences();
  const { values, put } = useFilters(["by", "show"]);
  const group = GROUPS.find((each) => each === values.by) ?? "client";
  const metric = METRICS.find((each) => each === values.show) ?? "cost";
  const [now] = useState(() => new Date());
  const since = startOfDay(new Date(now.getTime() - (DAYS - 1) * 86_400_000), zone).toISOString();
  const query = useQuery(accountUsageQuery(account.id, { since, group, zone, step: "day" }));
  return (
    <Loaded query={query} rows={8}>
      {(usage) =>
        usage.total.requests === 0 ? (
          <Nothing />
        ) : (
          <Flex vertical gap={16}>
            <Totals usage={usage} />
            <Choices group={group} metric={metric} onPut={put} />
            <Drawn usage={usage} group={group} metric={metric} />
          </Flex>
        )
      }
    </Loaded>
  );
}

function Nothing() {
  const { t } = useTranslation("opAccounts");
  return <Empty title={t("usage.none")} />;
}

function Totals({ usage: { total, currency } }: { usage: Usage }) {
  const { t } = useTranslation("opAccounts");
  const format = useFormat();
  const failed = total.requests - total.answered;
  return (
    <div className="tm-grid tm-tiles tm-small-tiles">
      <Figure title={t("usage.cost")}>
        <Money amount={total.cost} currency={currency} />
      </Figure>
      <Figure title={t("usage.creditsName")}>
        <Count value={total.credits} />
      </Figure>
      <Figure title={t("usage.requests")} note={t("usage.failed", { share: format.percent(failed / total.requests) })}>
        <Count value={total.requests} />
      </Figure>
      <Figure title={t("usage.tokens")}>
        <Count value={total.input_fresh + total.input_cached + total.input_written} /> · <Count value={total.output} />
      </Figure>
    </div>
  );
}

interface ChoicesProps {
  group: (typeof GROUPS)[number];
  metric: Metric;
  onPut: (name: "by" | "show", value: string) => void;
}

function Choices({ group, metric, onPut }: ChoicesProps) {
  const { t } = useTranslation("opAccounts");
  const named = { cost: t("usage.cost"), credits: t("usage.creditsName"), requests: t("usage.requests") };
  return (
    <Flex gap={12} wrap>
      <Segmented
        aria-label={t("usage.metric")}
        value={metric}
        onChange={(value) => onPut("show", value)}
        options={METRICS.map((value) => ({ value, label: named[value] }))}
      />
      <Segmented
        aria-label={t("usage.by")}
        value={group}
        onChange={(value) => onPut("by", value)}
        options={GROUPS.map((value) => ({ value, label: t(`usage.${value}`) }))}
      />
    </Flex>
  );
}

function Drawn({ usage, group, metric }: { usage: Usage; group: (typeof GROUPS)[number]; metric: Metric }) {
  const { t } = useTranslation("opAccounts");
  const format = useFormat();
  const { theme } = usePreferences();
  const words = { other: t("usage.other"), unknown: t("usage.unknown") };
  const drawn = stacked(usage, metric, words).map((each, index) => ({
    ...each,
    color: colours[theme][index] ?? rest[theme],
  }));
  const named = { cost: t("usage.cost"), credits: t("usage.creditsName"), requests: t("usage.requests") };
  return (
    <>
      <Chart
        summary={t("usage.summary", {
          metric: named[metric],
          group: t(`usage.${group}`),
          total: shown(format, metric, usage.currency, Number(usage.total[metric])),
        })}
        categories={usage.starts.map((start) => format.day(start))}
        series={drawn}
        show={(value) => shown(format, metric, usage.currency, value)}
      />
      <span className="tm-zone">{t("usage.range", { zone: format.zone })}</span>
    </>
  );
}

function shown(format: Format, metric: Metric, currency: string, value: number): string {
  return metric === "cost" ? format.money(value.toFixed(9), currency) : format.compact(value);
}

/** The five largest groups, and all others as one; numbers for drawing alone. */
function stacked({ series, starts }: Usage, metric: Metric, words: { other: string; unknown: string }): Omit<Series, "color">[] {
  const largest = [...series].sort((a, b) => Number(b.total[metric]) - Number(a.total[metric]));
  const valuesOf = (each: Usage["series"][number]): number[] => {
    const known = new Map(each.buckets.map(({ start, sums }) => [Date.parse(start), Number(sums[metric])]));
    return starts.map((start) => known.get(Date.parse(start)) ?? 0);
  };
  const named = largest.slice(0, 5).map((each) => ({ name: each.label || words.unknown, values: valuesOf(each) }));
  const others = largest.slice(5).map(valuesOf);
  if (others.length === 0) return named;
  return [...named, { name: words.other, values: starts.map((_, at) => others.reduce((sum, each) => sum + (each[at] ?? 0), 0)) }];
}
