/** The account's Token Plan, what is left of it, and the tiers that one can buy. */
import { Card, Flex } from "antd";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { planQuery, tiersQuery, type Plan, type Tier } from "@/api/queries/plan";
import { CopyField } from "@/parts/CopyField";
import { KeySetup } from "@/parts/KeySetup";
import { LinkButton } from "@/parts/LinkButton";
import { Loaded } from "@/parts/Loaded";
import { Page } from "@/parts/Page";
import { SecretOnce } from "@/parts/SecretOnce";

import { BuyDialog } from "./BuyDialog";
import { Current } from "./Current";
import { History } from "./History";
import { Rates } from "./Rates";
import { Tiers } from "./Tiers";

export default function TokenPlan() {
  const { t } = useTranslation("plan");
  const plan = useQuery(planQuery);
  const tiers = useQuery(tiersQuery);
  const [wanted, setWanted] = useState<Tier | null>(null);
  const [secret, setSecret] = useState<string | null>(null);
  return (
    <Page title={t("title")} about={t("about")}>
      <Flex vertical gap={24}>
        <Loaded query={plan} rows={6}>
          {(held) => (
            <>
              {held.subscription !== null && <Current held={held.subscription} onSecret={setSecret} />}
              <Addresses plan={held} />
            </>
          )}
        </Loaded>
        <section>
          <h2>{t("tiers")}</h2>
          <Loaded query={tiers} rows={6}>
            {(offered) => (
              <Tiers tiers={offered} held={plan.data?.subscription ?? null} onChoose={setWanted} />
            )}
          </Loaded>
        </section>
        <Rates tier={plan.data?.subscription?.plan ?? tiers.data?.[0] ?? null} />
        {plan.data !== undefined && plan.data.history.length > 0 && <History past={plan.data.history} />}
      </Flex>
      {wanted !== null && (
        <BuyDialog
          tier={wanted}
          onClose={() => setWanted(null)}
          onBought={(bought) => {
            setWanted(null);
            setSecret(bought.secret);
          }}
        />
      )}
      {secret !== null && plan.data !== undefined && (
        <SecretOnce title={t("newKey")} secret={secret} onDone={() => setSecret(null)}>
          <KeySetup access={{ key: secret, model: "mimo-v2.5-pro", ...plan.data.base_urls }} />
        </SecretOnce>
      )}
    </Page>
  );
}

function Addresses({ plan }: { plan: Plan }) {
  const { t } = useTranslation("plan");
  return (
    <Card title={t("addresses")}>
      <Flex gap={12} wrap>
        <CopyField label="OpenAI Base URL" value={plan.base_urls.openai} />
        <CopyField label="Anthropic Base URL" value={plan.base_urls.anthropic} />
      </Flex>
      <p style={{ margin: "12px 0", color: "var(--tm-color-text-secondary)" }}>{t("addressesAbout")}</p>
      <LinkButton to="/tools?purse=tp">{t("setUpTool")}</LinkButton>
    </Card>
  );
}
