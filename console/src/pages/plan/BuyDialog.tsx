/** Buys a plan, or goes up to a larger one: what it costs, what one agrees to, then the key. */
import { Alert, Checkbox, Descriptions, Flex, InputNumber, Modal, Segmented, Switch } from "antd";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { buyPlan, quoteQuery, type Bought, type Period, type Quote, type Tier } from "@/api/queries/plan";
import { walletQuery } from "@/api/queries/wallet";
import { addDecimals, compareDecimals, negate, useFormat } from "@/format";
import { FaultAlert } from "@/parts/FaultAlert";
import { LinkButton } from "@/parts/LinkButton";
import { Loaded } from "@/parts/Loaded";
import { useRefusal } from "@/parts/useRefusal";

import { usePlanName } from "./names";

interface Props {
  tier: Tier;
  onClose: () => void;
  onBought: (bought: Bought) => void;
}

export function BuyDialog({ tier, onClose, onBought }: Props) {
  const { t } = useTranslation(["plan", "common"]);
  const name = usePlanName();
  const refusal = useRefusal();
  const [period, setPeriod] = useState<Period>("month");
  const [seats, setSeats] = useState(1);
  const [renews, setRenews] = useState(true);
  const [agreed, setAgreed] = useState(false);
  const [busy, setBusy] = useState(false);
  const order = { plan_id: tier.id, period, seats };
  const quote = useQuery(quoteQuery(order));
  const { data: wallet } = useQuery(walletQuery);
  const short = shortOf(quote.data, wallet?.free);

  async function buy(): Promise<void> {
    if (quote.data === undefined) return;
    setBusy(true);
    refusal.clear();
    try {
      onBought(await buyPlan(order, renews, quote.data.due));
    } catch (error) {
      refusal.refuse(error);
      setAgreed(false);
      void quote.refetch();
    } finally {
      setBusy(false);
    }
  }

  return (
    <Modal
      open
      title={t(quote.data?.kind === "upgrade" ? "upgradeTo" : "subscribeTo", { plan: name(tier) })}
      okText={t(quote.data?.kind === "upgrade" ? "upgrade" : "buy")}
      okButtonProps={{ disabled: !agreed || short !== null || quote.data === undefined }}
      cancelText={t("common:action.cancel")}
      confirmLoading={busy}
      mask={{ closable: false }}
      width={640}
      onCancel={onClose}
      onOk={() => void buy()}
    >
      <Flex vertical gap={16}>
        <Flex gap={12} wrap align="center">
          <Segmented<Period>
            aria-label={t("periodTitle")}
            value={period}
            onChange={setPeriod}
            options={(["month", "year"] as const).map((value) => ({ value, label: t(`period.${value}`) }))}
          />
          {tier.most_seats > 1 && (
            <label>
              {t("seats")}{" "}
              <InputNumber min={1} max={tier.most_seats} value={seats} onChange={(value) => setSeats(value ?? 1)} />
            </label>
          )}
        </Flex>
        <FaultAlert error={refusal.error} seconds={refusal.seconds} />
        <Loaded query={quote} rows={5}>
          {(priced) => <Priced quote={priced} />}
        </Loaded>
        {short !== null && <Short amount={short} currency={wallet?.currency ?? ""} payments={wallet?.payments ?? false} />}
        <Flex gap={8} align="center">
          <Switch checked={renews} onChange={setRenews} aria-label={t("autoRenew")} />
          {t("autoRenew")}
        </Flex>
        <Checkbox checked={agreed} onChange={(event) => setAgreed(event.target.checked)}>
          {t("agree")}
        </Checkbox>
      </Flex>
    </Modal>
  );
}

function Priced({ quote }: { quote: Quote }) {
  const { t } = useTranslation("plan");
  const format = useFormat();
  const money = (amount: string) => format.money(amount, quote.currency);
  const carried = compareDecimals(quote.carried, "0") !== 0;
  const reduced = compareDecimals(quote.discount, "0") !== 0;
  return (
    <>
      <Descriptions
        column={1}
        size="small"
        bordered
        items={[
          { key: "price", label: t("price"), children: money(quote.price) },
          ...(reduced ? [{ key: "discount", label: t("discount"), children: money(negate(quote.discount)) }] : []),
          ...(carried ? [{ key: "carried", label: t("carried"), children: money(negate(quote.carried)) }] : []),
          { key: "due", label: t("due"), children: <strong>{money(quote.due)}</strong> },
          { key: "credits", label: "Credits", children: format.count(quote.credits) },
          ...(compareDecimals(quote.compensation, "0") === 0
            ? []
            : [{ key: "compensation", label: t("compensation"), children: format.count(quote.compensation) }]),
          { key: "ends", label: t("until"), children: `${format.dateTime(quote.ends_at)} · ${format.zone}` },
        ]}
      />
      <section>
        <h3 style={{ fontSize: 14 }}>{t("rulesTitle")}</h3>
        <ul>
          {quote.rules.map((rule) => (
            <li key={rule}>{t(`rules.${rule}`)}</li>
          ))}
        </ul>
      </section>
    </>
  );
}

function Short({ amount, currency, payments }: { amount: string; currency: string; payments: boolean }) {
  const { t } = useTranslation("plan");
  const format = useFormat();
  return (
    <Alert
      type="warning"
      showIcon
      title={t("short", { amount: format.money(amount, currency) })}
      action={<LinkButton to="/wallet">{t(payments ? "topUp" : "redeem")}</LinkButton>}
    />
  );
}

/** What is missing in the wallet; null when it is enough, or not known yet. */
function shortOf(quote: Quote | undefined, free: string | undefined): string | null {
  if (quote === undefined || free === undefined || compareDecimals(free, quote.due) >= 0) return null;
  return addDecimals(quote.due, negate(free));
}
