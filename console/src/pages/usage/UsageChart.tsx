/** The chart of the page: stacked bars of the metric over time, in groups; the wait for a first token as lines. */
import { useMemo } from "react";
import { useTranslation } from "react-i18next";

import type { Usage } from "@/api/queries/usage";
import { useFormat, type Format } from "@/format";
import { Chart } from "@/parts/Chart";
import { usePreferences } from "@/preferences";

import { drawnGroups, drawnKinds, figureOf } from "./figures";
import { useGroupName } from "./useGroupName";
import type { Metric, View } from "./useView";

interface Props {
  usage: Usage;
  view: View;
  onDay: ((index: number) => void) | undefined;
}

export default function UsageChart({ usage, view, onDay }: Props) {
  const { t } = useTranslation(["usage", "common"]);
  const format = useFormat();
  const { theme, language, zone } = usePreferences();
  const nameOf = useGroupName(view.by);
  const hourly = onDay === undefined;
  const oneDay = usage.starts.length <= 25;
  const categories = useMemo(
    () =>
      usage.starts.map((start) =>
        hourly ? (oneDay ? format.hour(start) : `${format.shortDay(start)} ${format.hour(start)}`) : format.shortDay(start),
      ),
    // What is written changes with language and zone alone, whatever object does it.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [usage.starts, hourly, oneDay, language, zone],
  );
  const series = useMemo(
    () =>
      view.by === "kind"
        ? drawnKinds(usage, theme, (kind) => t(`common:kind.${kind}`))
        : drawnGroups(usage, view.metric, theme, nameOf, t("other")),
    // Names follow the language and what they are of, whatever function gives them.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [usage, view.by, view.metric, theme, language],
  );
  const show = showing(view.metric, usage.currency, format);
  const metric = t(`metrics.${view.metric}`);
  const whole = figureOf(view.metric, usage.total);
  return (
    <Chart
      summary={t("summary", { metric, total: whole === null ? "–" : show(whole), groups: series.map(({ name }) => name).join(", ") })}
      categories={categories}
      series={series}
      kind={view.metric === "ttft" ? "line" : "bar"}
      show={show}
      onOpen={onDay}
      openLabel={(day) => t("openDay", { day })}
    />
  );
}

/** Nine digits of money are as many as there are, and a number has them up to millions. */
function showing(metric: Metric, currency: string, format: Format): (value: number) => string {
  switch (metric) {
    case "cost":
      return (value) => format.money(value.toFixed(9), currency);
    case "ttft":
      return format.duration;
    case "credits":
    case "tokens":
    case "requests":
      return (value) => format.compact(value);
  }
}
