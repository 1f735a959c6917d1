/** The rate card: Credits per token of each model, and the hours in which everything costs less. */
import { Flex } from "antd";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";

import { modelsQuery, type Model } from "@/api/queries/models";
import type { Tier } from "@/api/queries/plan";
import { useFormat } from "@/format";
import { DataTable } from "@/parts/DataTable";
import { Loaded } from "@/parts/Loaded";
import { StatusDot } from "@/parts/StatusDot";

import { isWithin } from "./hours";

export function Rates({ tier }: { tier: Tier | null }) {
  const { t } = useTranslation(["plan", "common"]);
  const format = useFormat();
  const query = useQuery(modelsQuery);
  return (
    <section>
      <h2>{t("rateCard")}</h2>
      <Flex vertical gap={12}>
        {tier?.off_peak.map((hours) => (
          <Flex key={`${hours.start}${hours.zone}`} gap={12} wrap>
            <span>
              {t("offPeak", { ...hours, factor: `×${format.count(String(hours.permille / 1_000))}` })}
            </span>
            <StatusDot
              status={isWithin(hours, new Date()) ? "success" : "default"}
              text={t(isWithin(hours, new Date()) ? "nowOffPeak" : "nowPeak")}
            />
          </Flex>
        ))}
        <Loaded query={query}>
          {(models) => (
            <DataTable
              label={t("rateCard")}
              rows={models.filter((model) => model.credits !== null && isIncluded(model, tier))}
              rowKey={(model) => model.id}
              empty={<p>{t("noRates")}</p>}
              columns={[
                { key: "id", title: t("model"), heading: true, render: (model) => model.id },
                { key: "fresh", title: t("common:kind.fresh"), align: "end", render: ({ credits }) => credits && format.count(credits.input) },
                { key: "cached", title: t("common:kind.cached"), align: "end", render: ({ credits }) => credits && format.count(credits.cached_input) },
                { key: "output", title: t("common:kind.output"), align: "end", render: ({ credits }) => credits && format.count(credits.output) },
              ]}
            />
          )}
        </Loaded>
      </Flex>
    </section>
  );
}

const isIncluded = (model: Model, tier: Tier | null): boolean =>
  tier === null || tier.models === null || tier.models.includes(model.id);
