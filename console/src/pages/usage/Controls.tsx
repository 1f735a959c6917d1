/** Chooses what the page shows: range, purse, metric, grouping; and takes filters away again. */
import { Flex, Segmented, Tag } from "antd";
import { useQuery } from "@tanstack/react-query";
import { Suspense } from "react";
import { useTranslation } from "react-i18next";

import { keysQuery } from "@/api/queries/keys";
import { late } from "@/latecomers";

import { RANGES, type RangeName, type Span } from "./range";
import { FILTERS, GROUPS, METRICS, PURSES, type By, type Metric, type useView, type View } from "./useView";

const RangePicker = late(() => import("./RangePicker"));

interface Props {
  view: View;
  span: Span;
  put: ReturnType<typeof useView>[1];
}

export function Controls({ view, span, put }: Props) {
  const { t } = useTranslation(["usage", "common"]);
  const range = (name: RangeName): void =>
    name === "custom" ? put({ range: null, from: span.from, to: span.to }) : put({ range: name, from: null, to: null });
  // Only tokens are of kinds.
  const metric = (name: Metric): void => put({ metric: name, by: view.by === "kind" && name !== "tokens" ? null : view.by });
  const by = (name: By): void => put({ by: name, ...(name === "kind" && { metric: "tokens" }) });
  return (
    <Flex vertical gap={12}>
      <Flex gap={12} wrap align="center">
        <Segmented
          className="tm-wraps"
          aria-label={t("range")}
          value={view.range}
          onChange={range}
          options={RANGES.map((value) => ({ value, label: t(`common:range.${value}`) }))}
        />
        {view.range === "custom" && (
          <Suspense fallback={null}>
            <RangePicker from={span.from} to={span.to} onChange={(from, to) => put({ from, to })} />
          </Suspense>
        )}
        <Segmented
          className="tm-wraps"
          aria-label={t("purse")}
          value={view.purse}
          onChange={(value) => put({ purse: value === "both" ? null : value })}
          options={PURSES.map((value) => ({ value, label: t(`common:purse.${value}`) }))}
        />
      </Flex>
      <Flex gap={12} wrap align="center">
        <Segmented
          className="tm-wraps"
          aria-label={t("metric")}
          value={view.metric}
          onChange={metric}
          options={METRICS.map((value) => ({ value, label: t(`metrics.${value}`) }))}
        />
        <Flex gap={8} align="center" wrap>
          <span className="tm-quiet">{t("by")}</span>
          <Segmented
            className="tm-wraps"
            aria-label={t("by")}
            value={view.by}
            onChange={by}
            options={GROUPS.map((value) => ({ value, label: t(`groups.${value}`) }))}
          />
        </Flex>
      </Flex>
      <Filtered view={view} put={put} />
    </Flex>
  );
}

function Filtered({ view, put }: Omit<Props, "span">) {
  const { t } = useTranslation(["usage", "common"]);
  const keys = useQuery({ ...keysQuery, enabled: view.only.key !== undefined, refetchInterval: false });
  const set = FILTERS.filter((name) => view.only[name] !== undefined);
  if (set.length === 0) return null;
  const shown = (name: (typeof FILTERS)[number]): string => {
    const value = view.only[name] ?? "";
    return name === "key" ? (keys.data?.find(({ id }) => id === value)?.name ?? value) : value;
  };
  return (
    <Flex gap={8} wrap>
      {set.map((name) => (
        <Tag key={name} closable={{ "aria-label": t("unfilter", { name: t(`groups.${name}`) }) }} onClose={() => put({ [name]: null })} style={{ marginInlineEnd: 0 }}>
          {t(`groups.${name}`)}: {shown(name)}
        </Tag>
      ))}
    </Flex>
  );
}
