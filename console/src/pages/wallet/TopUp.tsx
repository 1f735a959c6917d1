/** Begins a payment; it is made on the provider's own page. */
import { Button, Form, Input } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { checkOut } from "@/api/queries/wallet";
import { useMe } from "@/api/session";
import { symbol } from "@/format/money";
import { FaultAlert } from "@/parts/FaultAlert";
import { useRefusal } from "@/parts/useRefusal";

import { AMOUNT } from "./amounts";

export function TopUp({ currency }: { currency: string }) {
  const { t } = useTranslation("wallet");
  const { standing } = useMe();
  const owner = standing === "owner";
  const refusal = useRefusal();
  const [busy, setBusy] = useState(false);

  async function send({ amount }: { amount: string }): Promise<void> {
    setBusy(true);
    refusal.clear();
    try {
      location.assign((await checkOut(amount.trim())).url);
    } catch (cause) {
      refusal.refuse(cause);
      setBusy(false);
    }
  }

  return (
    <section aria-labelledby="top-up">
      <h2 id="top-up">{t("topUp.title")}</h2>
      <FaultAlert error={refusal.error} seconds={refusal.seconds} />
      <Form layout="vertical" requiredMark={false} onFinish={(values: { amount: string }) => void send(values)}>
        <Form.Item
          name="amount"
          label={t("topUp.amount")}
          extra={t(owner ? "topUp.hint" : "ownersOnly")}
          rules={[{ required: true, pattern: AMOUNT, message: t("amountWrong") }]}
        >
          <Input inputMode="decimal" autoComplete="off" prefix={symbol(currency)} suffix={currency} disabled={!owner} />
        </Form.Item>
        <Button htmlType="submit" loading={busy} disabled={!owner}>
          {t("topUp.act")}
        </Button>
      </Form>
    </section>
  );
}
