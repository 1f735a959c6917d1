/** The figures of the whole range, and how its main one compares with the time before. */
import { ArrowDownOutlined, ArrowUpOutlined } from "@ant-design/icons";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import type { Usage } from "@/api/queries/usage";
import { compareDecimals, useFormat } from "@/format";
import { Count } from "@/parts/Count";
import { Money } from "@/parts/Money";

import { cacheHit, errorRate, figureOf, tokensOf } from "./figures";
import type { Span } from "./range";
import type { View } from "./useView";

interface Props {
  usage: Usage;
  before: Usage | undefined;
  view: View;
  span: Span;
}

export function Totals({ usage: { total, currency }, before, view, span }: Props) {
  const { t } = useTranslation("usage");
  const format = useFormat();
  const [hit, errors] = [cacheHit(total), errorRate(total)];
  const figures: [string, ReactNode][] = [];
  if (view.purse !== "plan") figures.push([t("metrics.cost"), <Money key="cost" amount={total.cost} currency={currency} />]);
  if (view.purse !== "wallet" && (compareDecimals(total.credits, "0") > 0 || view.purse === "plan")) {
    figures.push([t("metrics.credits"), <Count key="credits" value={total.credits} />]);
  }
  figures.push([t("metrics.requests"), format.count(total.requests)], [t("metrics.tokens"), <Count key="tokens" value={tokensOf(total)} />]);
  if (hit !== null) figures.push([t("cacheHit"), format.percent(hit)]);
  if (errors !== null) figures.push([t("errors"), format.percent(errors)]);
  if (total.first_ms !== null) figures.push([t("metrics.ttft"), format.duration(total.first_ms)]);
  return (
    <div>
      <dl className="tm-figures">
        {figures.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <Compared before={before} now={figureOf(view.metric, total)} view={view} span={span} />
    </div>
  );
}

function Compared({ before, now, view, span }: { before: Usage | undefined; now: number | null; view: View; span: Span }) {
  const { t } = useTranslation("usage");
  const format = useFormat();
  if (before === undefined) return null;
  const then = figureOf(view.metric, before.total);
  const { since, until } = span.before;
  const metric = t(`metrics.${view.metric}`);
  const when = { from: format.dateTime(since), to: format.dateTime(until) };
  if (!then || now === null) return <div className="tm-second">{t("nothingBefore", { metric, ...when })}</div>;
  const change = now / then - 1;
  const percent = format.percent(Math.abs(change));
  if (percent === format.percent(0)) return <div className="tm-second">{t("asBefore", { metric, ...when })}</div>;
  return (
    <div className="tm-second" title={`${when.from} – ${when.to}`}>
      {change > 0 ? <ArrowUpOutlined aria-hidden /> : <ArrowDownOutlined aria-hidden />}{" "}
      {t(change > 0 ? "more" : "less", { metric, percent, ...when })}
    </div>
  );
}
