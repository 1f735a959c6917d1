/** The fields by which an account is begun: address, role, currency. */
import { Form, Input, Segmented } from "antd";
import { useTranslation } from "react-i18next";

import type { AccountAsked } from "@/api/queries/accounts";

export const BEGINNING = { role: "developer", currency: "USD" } as const satisfies Partial<AccountAsked>;

export function WhoFields() {
  const { t } = useTranslation(["opAccounts", "common"]);
  return (
    <>
      <Form.Item name="email" label={t("field.email")} rules={[{ required: true, type: "email", message: t("field.wrongEmail") }]}>
        <Input type="email" autoFocus autoComplete="off" />
      </Form.Item>
      <Form.Item name="role" label={t("field.role")}>
        <Segmented
          aria-label={t("field.role")}
          options={(["developer", "operator"] as const).map((value) => ({ value, label: t(`common:role.${value}`) }))}
        />
      </Form.Item>
      <Form.Item name="currency" label={t("field.currency")} extra={t("field.currencyHint")}>
        <Segmented aria-label={t("field.currency")} options={["USD", "CNY"]} />
      </Form.Item>
    </>
  );
}
