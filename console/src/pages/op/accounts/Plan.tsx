/** The Token Plan of an account: what is left of it; giving one, ending it. */
import { useQuery } from "@tanstack/react-query";
import { App, Button, Card, Descriptions, Flex } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { accountPlanQuery, endPlan } from "@/api/queries/accountMoney";
import type { AccountDetail } from "@/api/queries/accounts";
import type { Subscription } from "@/api/queries/plan";
import { useFormat } from "@/format";
import { usePlanName } from "@/pages/plan/names";
import { Empty } from "@/parts/Empty";
import { FormDialog } from "@/parts/FormDialog";
import { Loaded } from "@/parts/Loaded";
import { PlanWindows } from "@/parts/PlanWindows";
import { SecretOnce } from "@/parts/SecretOnce";

import { GivePlan } from "./GivePlan";
import { ReasonField } from "./ReasonField";

export function Plan({ account }: { account: AccountDetail }) {
  const { t } = useTranslation("opAccounts");
  const query = useQuery(accountPlanQuery(account.id));
  const [giving, setGiving] = useState(false);
  const [secret, setSecret] = useState<string | null>(null);
  return (
    <>
      <Loaded query={query} rows={5}>
        {(held) =>
          held === null ? (
            <Empty title={t("plan.none")}>
              {account.deleted_at === null && <Button onClick={() => setGiving(true)}>{t("plan.give")}</Button>}
            </Empty>
          ) : (
            <Held account={account} held={held} />
          )
        }
      </Loaded>
      {giving && (
        <GivePlan
          account={account}
          onClose={() => setGiving(false)}
          onGiven={(given) => {
            setGiving(false);
            setSecret(given.secret);
          }}
        />
      )}
      {secret !== null && (
        <SecretOnce title={t("plan.made", { email: account.email })} secret={secret} onDone={() => setSecret(null)} />
      )}
    </>
  );
}

function Held({ account, held }: { account: AccountDetail; held: Subscription }) {
  const { t } = useTranslation(["opAccounts", "plan", "common"]);
  const format = useFormat();
  const name = usePlanName();
  const [ending, setEnding] = useState(false);
  return (
    <Card
      title={`${name(held.plan)} · ${t(`plan:period.${held.period}`)}`}
      extra={
        <Button size="small" danger onClick={() => setEnding(true)}>
          {t("plan.end")}
        </Button>
      }
    >
      <Flex vertical gap={16}>
        <PlanWindows subscription={held} />
        <Descriptions
          size="small"
          column={{ xs: 1, md: 2 }}
          items={[
            { key: "seats", label: t("plan.seats"), children: format.count(held.seats) },
            { key: "renews", label: t("plan.renews"), children: t(held.renews ? "common:state.yes" : "common:state.no") },
            { key: "from", label: t("plan.from"), children: format.dateTime(held.starts_at) },
            { key: "until", label: t("plan.until"), children: `${format.dateTime(held.ends_at)} · ${format.zone}` },
            { key: "keys", label: t("plan.keys"), children: held.keys.map((key) => key.shown).join(" · ") || "–" },
          ]}
        />
      </Flex>
      {ending && <End account={account} onClose={() => setEnding(false)} />}
    </Card>
  );
}

function End({ account: { id, email }, onClose }: { account: AccountDetail; onClose: () => void }) {
  const { t } = useTranslation("opAccounts");
  const { message } = App.useApp();
  return (
    <FormDialog<{ reason: string }>
      title={t("plan.endTitle", { email })}
      act={t("plan.end")}
      danger
      onClose={onClose}
      send={async ({ reason }) => {
        await endPlan(id, reason);
        void message.success(t("plan.ended"));
        onClose();
      }}
    >
      <p>{t("plan.endWhat")}</p>
      <ReasonField label={t("reason")} hint={t("plan.endHint")} />
    </FormDialog>
  );
}
