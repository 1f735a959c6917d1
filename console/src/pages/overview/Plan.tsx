/** The Token Plan: how much of each window is used, and when it is given back. */
import { useQuery } from "@tanstack/react-query";
import { Button, Flex } from "antd";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { planQuery } from "@/api/queries/plan";
import { ErrorCard } from "@/parts/ErrorCard";
import { Loading } from "@/parts/Loading";
import { PlanWindows } from "@/parts/PlanWindows";
import { usePreferences } from "@/preferences";

import { Tile } from "./Tile";

export function Plan() {
  const { t } = useTranslation(["overview", "common"]);
  const { language } = usePreferences();
  const { data, error, isPending, refetch } = useQuery(planQuery);
  const held = data?.subscription ?? null;
  const name = held === null ? "" : ` · ${language === "zh-CN" ? held.plan.name.zh : held.plan.name.en}`;
  return (
    <Tile
      title={`${t("plan.title")}${name}`}
      more={held !== null && <Link to="/plan">{t("common:action.details")}</Link>}
    >
      {isPending && <Loading rows={3} />}
      {error !== null && data === undefined && (
        <Flex vertical gap={8}>
          <span>{t("plan.away")}</span>
          <ErrorCard error={error} onRetry={() => void refetch()} />
        </Flex>
      )}
      {held !== null && <PlanWindows subscription={held} />}
      {data?.subscription === null && (
        <Flex vertical gap={12} align="start">
          <span className="tm-quiet">{t("plan.none")}</span>
          <Link to="/plan">
            <Button tabIndex={-1}>{t("plan.see")}</Button>
          </Link>
        </Flex>
      )}
    </Tile>
  );
}
