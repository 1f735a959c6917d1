/** Says on every page that the Token Plan is used up, until when, and which ways out there are. */
import { useQuery } from "@tanstack/react-query";
import { Alert, Flex } from "antd";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { planQuery, type Subscription } from "@/api/queries/plan";
import { compareDecimals, useFormat } from "@/format";

export function PlanNotice() {
  const { t } = useTranslation();
  const format = useFormat();
  const { data } = useQuery(planQuery);
  const end = data?.subscription == null ? null : usedUpUntil(data.subscription);
  if (end === null) return null;
  const time = `${format.dateTime(end.at)} (${format.zone})`;
  return (
    <Alert
      banner
      showIcon
      type="warning"
      title={t(end.renews ? "exhausted" : "exhaustedEnds", { time })}
      description={
        <Flex gap={16} wrap>
          <span>{t("exhaustedWays")}</span>
          <Link to="/plan">{t("nav.plan")}</Link>
          <Link to="/keys">{t("nav.keys")}</Link>
        </Flex>
      }
    />
  );
}

interface End {
  at: string;
  /** Credits come back then; otherwise the plan is over. */
  renews: boolean;
}

/** Until when nothing is left; null while something is. */
export function usedUpUntil({ left, windows, ends_at: ends, renews }: Subscription): End | null {
  if (compareDecimals(left, "0") <= 0) return { at: ends, renews };
  const empty = windows.filter((window) => compareDecimals(window.left, "0") <= 0).map((window) => window.renews_at);
  const last = empty.sort((one, other) => Date.parse(other) - Date.parse(one))[0];
  if (last === undefined) return null;
  return Date.parse(last) < Date.parse(ends) ? { at: last, renews: true } : { at: ends, renews };
}
