/** Puts a code's money into the wallet, and says which of four things is wrong with a code that does not. */
import { Alert, Button, Flex, Form, Input } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { redeemCode, type Redeemed } from "@/api/queries/wallet";
import { useMe } from "@/api/session";
import { useFormat } from "@/format";
import { FaultAlert } from "@/parts/FaultAlert";
import { useRefusal } from "@/parts/useRefusal";

export function Redeem({ currency }: { currency: string }) {
  const { t } = useTranslation("wallet");
  const format = useFormat();
  const { standing } = useMe();
  const owner = standing === "owner";
  const refusal = useRefusal();
  const [form] = Form.useForm<{ code: string }>();
  const [busy, setBusy] = useState(false);
  const [done, setDone] = useState<Redeemed | null>(null);

  async function send({ code }: { code: string }): Promise<void> {
    setBusy(true);
    setDone(null);
    refusal.clear();
    try {
      setDone(await redeemCode(code.trim()));
      form.resetFields();
    } catch (cause) {
      refusal.refuse(cause);
    } finally {
      setBusy(false);
    }
  }

  const words = {
    code_used: t("redeem.used"),
    code_expired: t("redeem.expired"),
    code_disabled: t("redeem.stopped"),
    code_unknown: t("redeem.wrong"),
    code_currency: t("redeem.currency", { currency }),
  };
  return (
    <section aria-labelledby="redeem">
      <h2 id="redeem">{t("redeem.title")}</h2>
      <FaultAlert error={refusal.error} seconds={refusal.seconds} words={words} />
      {done !== null && (
        <Alert
          role="status"
          type="success"
          showIcon
          style={{ marginBottom: 16 }}
          title={t("redeem.done", { amount: format.money(done.amount, done.currency), balance: format.money(done.balance, done.currency) })}
        />
      )}
      <Form form={form} layout="vertical" requiredMark={false} onFinish={(values) => void send(values)}>
        <Form.Item name="code" label={t("redeem.code")} extra={t(owner ? "redeem.hint" : "ownersOnly")} rules={[{ required: true, whitespace: true, message: t("redeem.missing") }]}>
          <Input autoComplete="off" spellCheck={false} maxLength={100} className="tm-mono" placeholder="ABCDE-12345-FGHJK-67890" disabled={!owner} />
        </Form.Item>
        <Flex>
          <Button type="primary" htmlType="submit" loading={busy} disabled={!owner || refusal.seconds > 0}>
            {t("redeem.act")}
          </Button>
        </Flex>
      </Form>
    </section>
  );
}
