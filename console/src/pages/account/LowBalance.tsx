/** Below how much the account's people get a letter. */
import { App, Button, Flex, Form, Input } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { changeAccount, type Account } from "@/api/queries/account";
import { walletQuery } from "@/api/queries/wallet";
import { queryClient } from "@/api/query";
import { useMe } from "@/api/session";
import { symbol } from "@/format/money";
import { FaultAlert } from "@/parts/FaultAlert";
import { useRefusal } from "@/parts/useRefusal";

import { Section } from "./Section";

export function LowBalance({ account }: { account: Account }) {
  const { t } = useTranslation(["account", "common"]);
  const { standing } = useMe();
  const { message } = App.useApp();
  const refusal = useRefusal();
  const [busy, setBusy] = useState(false);
  const owner = standing === "owner";

  async function send(amount: string | undefined): Promise<void> {
    setBusy(true);
    refusal.clear();
    try {
      const given = amount?.trim() ?? "";
      await changeAccount({ low_balance: given === "" ? null : given });
      void queryClient.invalidateQueries({ queryKey: walletQuery.queryKey });
      void message.success(t("common:saved"));
    } catch (cause) {
      refusal.refuse(cause);
    } finally {
      setBusy(false);
    }
  }

  return (
    <Section id="notices" title={t("notices.title")} about={t("notices.about")}>
      <FaultAlert error={refusal.error} seconds={refusal.seconds} words={{ bad_value: t("notices.wrong") }} />
      <Form
        name="low-balance"
        layout="vertical"
        requiredMark={false}
        disabled={!owner}
        initialValues={{ amount: account.low_balance ?? "" }}
        onFinish={({ amount }: { amount?: string }) => void send(amount)}
      >
        <Form.Item
          name="amount"
          label={t("notices.amount")}
          extra={owner ? undefined : t("ownersOnly")}
          rules={[{ pattern: /^\s*(\d{1,9}(\.\d{1,9})?)?\s*$/, message: t("notices.wrong") }]}
        >
          <Input
            inputMode="decimal"
            autoComplete="off"
            prefix={<span aria-hidden="true">{symbol(account.currency)}</span>}
            style={{ maxWidth: 240 }}
          />
        </Form.Item>
        <Flex>
          <Button htmlType="submit" loading={busy}>
            {t("common:action.save")}
          </Button>
        </Flex>
      </Form>
    </Section>
  );
}
