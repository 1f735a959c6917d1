/** The running plan: its windows, its renewal, its key. */
import { Alert, App, Button, Card, Flex, Select, Switch } from "antd";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { asApiError } from "@/api/client";
import { setRenewal, tiersQuery, type Subscription } from "@/api/queries/plan";
import { PlanWindows } from "@/parts/PlanWindows";
import { When } from "@/parts/When";
import { isZero, parseDecimal, useFormat } from "@/format";

import { usePlanName } from "./names";
import { ResetKey } from "./ResetKey";

interface Props {
  held: Subscription;
  onSecret: (secret: string) => void;
}

export function Current({ held, onSecret }: Props) {
  const { t } = useTranslation(["plan", "common"]);
  const format = useFormat();
  const name = usePlanName();
  const full = [...held.windows, { left: held.left, renews_at: held.ends_at }].find((window) =>
    isZero(parseDecimal(window.left)),
  );
  return (
    <Card
      title={`${name(held.plan)} · ${t(`period.${held.period}`)}`}
      extra={<Link to="/usage?purse=plan">{t("whatFilledIt")}</Link>}
    >
      <Flex vertical gap={16}>
        {full !== undefined && (
          <Alert
            type="warning"
            showIcon
            title={t("common:exhausted", { time: format.dateTime(full.renews_at) })}
            description={t("common:exhaustedWays")}
          />
        )}
        <PlanWindows subscription={held} />
        <span>
          {t(held.renews ? "renewsOn" : "endsOn")} <When at={held.ends_at} /> · {format.zone}
        </span>
        <Renewal held={held} />
        <Keys held={held} onSecret={onSecret} />
      </Flex>
    </Card>
  );
}

function Renewal({ held }: { held: Subscription }) {
  const { t } = useTranslation("plan");
  const { message } = App.useApp();
  const name = usePlanName();
  const { data: tiers } = useQuery(tiersQuery);
  const [busy, setBusy] = useState(false);
  async function put(renews: boolean, next: string | null): Promise<void> {
    setBusy(true);
    try {
      await setRenewal(renews, next);
    } catch (error) {
      void message.error(asApiError(error).message);
    } finally {
      setBusy(false);
    }
  }
  return (
    <Flex gap={12} align="center" wrap>
      <Switch
        checked={held.renews}
        loading={busy}
        aria-label={t("autoRenew")}
        onChange={(renews) => void put(renews, held.next_plan_id)}
      />
      <span>{t("autoRenew")}</span>
      {held.renews && (
        <Select
          value={held.next_plan_id ?? held.plan.id}
          aria-label={t("nextPlan")}
          loading={busy}
          onChange={(next) => void put(true, next === held.plan.id ? null : next)}
          options={(tiers ?? []).map((tier) => ({ value: tier.id, label: t("continueWith", { plan: name(tier) }) }))}
          style={{ minWidth: 200 }}
        />
      )}
      <span style={{ color: "var(--tm-color-text-tertiary)" }}>{t(held.renews ? "renewAbout" : "lapseAbout")}</span>
    </Flex>
  );
}

function Keys({ held, onSecret }: Props) {
  const { t } = useTranslation(["plan", "common"]);
  const [resetting, setResetting] = useState(false);
  return (
    <Flex vertical gap={8}>
      {held.keys.map((key) => (
        <Flex key={key.id} gap={12} align="center" wrap>
          <code className="tm-mono">{key.shown}</code>
          <span>
            {t("made")} <When at={key.created_at} />
          </span>
          <span>
            {key.last_used_at === null ? (
              t("common:state.neverUsed")
            ) : (
              <>
                {t("common:lastUsed")} <When at={key.last_used_at} />
              </>
            )}
          </span>
        </Flex>
      ))}
      <div>
        <Button onClick={() => setResetting(true)}>{t(held.keys.length === 0 ? "makeKey" : "resetKey")}</Button>
      </div>
      {resetting && (
        <ResetKey
          onClose={() => setResetting(false)}
          onReset={(secret) => {
            setResetting(false);
            onSecret(secret);
          }}
        />
      )}
    </Flex>
  );
}
