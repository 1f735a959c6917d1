/** Today's traffic in the chosen zone: how much, for how much, hour by hour. */
import type { UseQueryResult } from "@tanstack/react-query";
import { Flex } from "antd";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import type { Usage } from "@/api/queries/usage";
import { compareDecimals, useFormat } from "@/format";
import { Loaded } from "@/parts/Loaded";
import { Money } from "@/parts/Money";
import { Sparkline } from "@/parts/Sparkline";

import { Tile } from "./Tile";

export function Today({ query }: { query: UseQueryResult<Usage> }) {
  const { t } = useTranslation(["overview", "common"]);
  return (
    <Tile title={t("today.title")} more={<Link to="/usage">{t("common:action.details")}</Link>}>
      <Loaded query={query} rows={3}>
        {(usage) => <Figures usage={usage} />}
      </Loaded>
    </Tile>
  );
}

function Figures({ usage: { total, currency, starts, series } }: { usage: Usage }) {
  const { t } = useTranslation("overview");
  const format = useFormat();
  const number = format.count(total.requests);
  const input = total.input_fresh + total.input_cached + total.input_written;
  const hours = starts.map((start) =>
    series.reduce((sum, { buckets }) => sum + (buckets.find((each) => sameMoment(each.start, start))?.sums.requests ?? 0), 0),
  );
  const facts = [
    input > 0 && t("today.hit", { share: format.percent(total.input_cached / input) }),
    total.first_ms !== null && t("today.first", { time: format.duration(total.first_ms) }),
    total.requests > total.answered && t("today.failed", { number: format.count(total.requests - total.answered) }),
  ].filter((fact) => fact !== false);
  return (
    <Flex vertical gap={4}>
      <span className="tm-hero">
        <Money amount={total.cost} currency={currency} />
      </span>
      <span>
        {total.requests === 0 ? t("today.none") : t("today.requests", { count: total.requests, number })}
        {compareDecimals(total.credits, "0") > 0 && ` · ${t("today.credits", { number: format.compact(total.credits) })}`}
      </span>
      <Sparkline label={t("today.spark", { number })} values={hours} slots={24} />
      <span className="tm-quiet">{facts.join(" · ")}</span>
    </Flex>
  );
}

const sameMoment = (one: string, other: string): boolean => Date.parse(one) === Date.parse(other);
