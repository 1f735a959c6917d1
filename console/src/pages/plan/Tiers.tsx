/** The tiers side by side: price, Credits, what they buy, windows. */
import { Button, Card, Flex, Segmented } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import type { Period, Subscription, Tier } from "@/api/queries/plan";
import { useMe } from "@/api/session";
import { useFormat } from "@/format";
import { Empty } from "@/parts/Empty";
import { lasting } from "@/parts/PlanWindows";
import { usePreferences } from "@/preferences";

import { usePlanName } from "./names";

interface Props {
  tiers: readonly Tier[];
  held: Subscription | null;
  onChoose: (tier: Tier) => void;
}

export function Tiers({ tiers, held, onChoose }: Props) {
  const { t } = useTranslation("plan");
  const [period, setPeriod] = useState<Period>("month");
  if (tiers.length === 0) return <Empty title={t("noTiers")} />;
  return (
    <Flex vertical gap={12}>
      <div>
        <Segmented<Period>
          aria-label={t("periodTitle")}
          value={period}
          onChange={setPeriod}
          options={(["month", "year"] as const).map((value) => ({ value, label: t(`period.${value}`) }))}
        />
      </div>
      <div className="tm-grid">
        {tiers.map((tier) => (
          <TierCard key={tier.id} tier={tier} period={period} held={held} onChoose={onChoose} />
        ))}
      </div>
    </Flex>
  );
}

interface CardProps {
  tier: Tier;
  period: Period;
  held: Subscription | null;
  onChoose: (tier: Tier) => void;
}

function TierCard({ tier, period, held, onChoose }: CardProps) {
  const { t } = useTranslation("plan");
  const format = useFormat();
  const { language } = usePreferences();
  const name = usePlanName();
  const { currency, standing } = useMe();
  const price = tier.prices[currency]?.[period] ?? null;
  const mine = held?.plan.id === tier.id;
  const smaller = held !== null && tier.rank < held.plan.rank;
  return (
    <Card
      title={
        <Flex justify="space-between" align="center">
          <h3 style={{ margin: 0, fontSize: 18 }}>{name(tier)}</h3>
          {mine && <span>{t("yours")}</span>}
        </Flex>
      }
    >
      <Flex vertical gap={12}>
        <span className="tm-hero">{price === null ? t("notSold") : format.money(price, currency)}</span>
        <span>{t("credits", { credits: format.compact(tier.credits) })}</span>
        <ul style={{ paddingInlineStart: 18, margin: 0 }}>
          {tier.windows.map((window) => (
            <li key={window.name}>
              {t("window", { credits: format.compact(window.credits), span: lasting(window.seconds, language) })}
            </li>
          ))}
          <li>{tier.models === null ? t("allModels") : tier.models.join(", ")}</li>
          <li>{t(tier.web_search ? "withSearch" : "withoutSearch")}</li>
          {tier.first_purchase > 0 && (
            <li>{t("firstPurchase", { percent: format.percent(tier.first_purchase / 1_000) })}</li>
          )}
        </ul>
        {smaller ? (
          <span style={{ color: "var(--tm-color-text-tertiary)" }}>{t("smaller")}</span>
        ) : (
          <Button
            type={mine ? "default" : "primary"}
            disabled={price === null || standing !== "owner" || mine}
            onClick={() => onChoose(tier)}
            aria-label={`${t(mine ? "yours" : held === null ? "subscribe" : "upgrade")} · ${name(tier)}`}
          >
            {t(mine ? "yours" : held === null ? "subscribe" : "upgrade")}
          </Button>
        )}
        {standing !== "owner" && <span style={{ color: "var(--tm-color-text-tertiary)" }}>{t("ownersOnly")}</span>}
      </Flex>
    </Card>
  );
}
