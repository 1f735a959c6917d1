/** Puts money into a wallet, or takes it back; shows what will be there afterwards. */
import { App, Descriptions, Form, Segmented } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { grantMoney } from "@/api/queries/accountMoney";
import type { AccountDetail } from "@/api/queries/accounts";
import { addDecimals, compareDecimals, negate, useFormat } from "@/format";
import { AMOUNT, AmountInput } from "@/parts/AmountInput";
import { FormDialog } from "@/parts/FormDialog";

import { ReasonField } from "./ReasonField";

interface Values {
  way: "give" | "take";
  amount: string;
  note: string;
}

interface Props {
  account: AccountDetail;
  onClose: () => void;
}

export function GrantDialog({ account, onClose }: Props) {
  const { t } = useTranslation("opAccounts");
  const format = useFormat();
  const { message } = App.useApp();
  // One for each opening of the dialog, so that a second click is not a second gift.
  const [once] = useState(oneTime);
  const { id, email, currency } = account;

  async function send({ way, amount, note }: Values): Promise<void> {
    const signed = way === "give" ? amount.trim() : negate(amount.trim());
    const { balance } = await grantMoney(id, { amount: signed, currency: currency === "CNY" ? "CNY" : "USD", note, once });
    void message.success(t("wallet.done", { amount: format.money(balance, currency) }));
    onClose();
  }

  return (
    <FormDialog<Values>
      title={t("wallet.title", { email })}
      act={t("wallet.grant")}
      initial={{ way: "give" }}
      words={{ no_funds: t("wallet.noFunds"), bad_value: t("wallet.wrongAmount") }}
      onClose={onClose}
      send={send}
    >
      <Form.Item name="way" label={t("wallet.direction")}>
        <Segmented
          aria-label={t("wallet.direction")}
          options={(["give", "take"] as const).map((value) => ({ value, label: t(`wallet.${value}`) }))}
        />
      </Form.Item>
      <Form.Item
        name="amount"
        label={t("wallet.amount")}
        rules={[{ validator: (_, typed) => (isAmount(typed) ? Promise.resolve() : Promise.reject(new Error(t("wallet.wrongAmount")))) }]}
      >
        <AmountInput currency={currency} autoFocus />
      </Form.Item>
      <ReasonField name="note" label={t("wallet.note")} hint={t("wallet.noteHint")} autoFocus={false} />
      <Afterwards account={account} />
    </FormDialog>
  );
}

function Afterwards({ account: { balance, currency } }: { account: AccountDetail }) {
  const { t } = useTranslation("opAccounts");
  const format = useFormat();
  const form = Form.useFormInstance<Values>();
  const way = Form.useWatch("way", form);
  const amount = Form.useWatch("amount", form);
  const after = isAmount(amount) ? addDecimals(balance, way === "take" ? negate(amount.trim()) : amount.trim()) : balance;
  return (
    <Descriptions
      column={1}
      size="small"
      bordered
      items={[
        { key: "before", label: t("wallet.before"), children: format.money(balance, currency) },
        { key: "after", label: t("wallet.after"), children: <strong>{format.money(after, currency)}</strong> },
      ]}
    />
  );
}

const isAmount = (typed: unknown): typed is string =>
  typeof typed === "string" && AMOUNT.test(typed) && compareDecimals(typed.trim(), "0") > 0;

/** Browsers withhold `randomUUID` on plain http. */
const oneTime = (): string =>
  [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
