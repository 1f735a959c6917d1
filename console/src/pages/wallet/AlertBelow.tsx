/** Below which balance the account's people are told. */
import { useQuery } from "@tanstack/react-query";
import { App, Button, Flex, Form, Input } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { accountQuery, changeAccount, type Account } from "@/api/queries/account";
import { walletQuery } from "@/api/queries/wallet";
import { queryClient } from "@/api/query";
import { useMe } from "@/api/session";
import { symbol } from "@/format/money";
import { FaultAlert } from "@/parts/FaultAlert";
import { Loaded } from "@/parts/Loaded";
import { useRefusal } from "@/parts/useRefusal";
import { announce } from "@/shell/live";

import { AMOUNT } from "./amounts";

export function AlertBelow({ currency }: { currency: string }) {
  const { t } = useTranslation("wallet");
  const account = useQuery(accountQuery);
  return (
    <section aria-labelledby="alert-below">
      <h2 id="alert-below">{t("alert.title")}</h2>
      <Loaded query={account} rows={2}>
        {(found) => <Setting key={found.low_balance} account={found} currency={currency} />}
      </Loaded>
    </section>
  );
}

function Setting({ account, currency }: { account: Account; currency: string }) {
  const { t } = useTranslation(["wallet", "common"]);
  const { message } = App.useApp();
  const { standing } = useMe();
  const owner = standing === "owner";
  const refusal = useRefusal();
  const [form] = Form.useForm<{ amount: string }>();
  const [busy, setBusy] = useState(false);

  async function put(amount: string | null): Promise<void> {
    setBusy(true);
    refusal.clear();
    try {
      await changeAccount({ low_balance: amount });
      await queryClient.invalidateQueries({ queryKey: walletQuery.queryKey });
      announce(t("common:saved"));
      void message.success(t("common:saved"));
    } catch (cause) {
      refusal.refuse(cause);
    } finally {
      setBusy(false);
    }
  }

  return (
    <Form form={form} layout="vertical" requiredMark={false} initialValues={{ amount: account.low_balance ?? "" }} onFinish={({ amount }) => void put(amount.trim())}>
      <FaultAlert error={refusal.error} seconds={refusal.seconds} />
      <Form.Item
        name="amount"
        label={t("alert.amount")}
        extra={owner ? <>{t("alert.hint")} <Link to="/account#notices" className="tm-underlined">{t("alert.more")}</Link></> : t("ownersOnly")}
        rules={[{ required: true, pattern: AMOUNT, message: t("amountWrong") }]}
      >
        <Input inputMode="decimal" autoComplete="off" prefix={symbol(currency)} suffix={currency} disabled={!owner} placeholder={t("alert.none")} />
      </Form.Item>
      <Flex gap={8} wrap>
        <Button htmlType="submit" loading={busy} disabled={!owner}>
          {t("common:action.save")}
        </Button>
        {account.low_balance !== null && (
          <Button type="text" disabled={!owner || busy} onClick={() => void put(null)}>
            {t("alert.off")}
          </Button>
        )}
      </Flex>
    </Form>
  );
}
