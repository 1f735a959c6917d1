/** Whether an account may be used: suspending it, restoring it, deleting it. */
import { App, Button, Checkbox, Form, Input } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";

import { removeAccount, restoreAccount, suspendAccount, type AccountDetail } from "@/api/queries/accounts";
import { useMe } from "@/api/session";
import { isZero, parseDecimal, useFormat } from "@/format";
import { useFaultText } from "@/parts/faults";
import { FormDialog } from "@/parts/FormDialog";

import { ReasonField } from "./ReasonField";

export function Standing({ of: account }: { of: AccountDetail }) {
  const { t } = useTranslation("opAccounts");
  const { account_id: mine } = useMe();
  const restoring = useRestoring(account);
  const [asking, setAsking] = useState<"suspend" | "remove" | null>(null);
  const close = () => setAsking(null);
  if (account.deleted_at !== null) return null;
  if (account.id === mine) return <span className="tm-quiet">{t("ownAccount")}</span>;
  return (
    <>
      {account.disabled_at === null ? (
        <Button onClick={() => setAsking("suspend")}>{t("suspend.act")}</Button>
      ) : (
        <Button type="primary" loading={restoring.busy} onClick={() => void restoring.restore()}>
          {t("restore.act")}
        </Button>
      )}
      <Button danger onClick={() => setAsking("remove")}>
        {t("remove.act")}
      </Button>
      {asking === "suspend" && <Suspend account={account} onClose={close} />}
      {asking === "remove" && <Remove account={account} onClose={close} />}
    </>
  );
}

interface Restoring {
  busy: boolean;
  restore: () => Promise<void>;
}

function useRestoring({ id, email }: AccountDetail): Restoring {
  const { t } = useTranslation("opAccounts");
  const { message } = App.useApp();
  const say = useFaultText();
  const [busy, setBusy] = useState(false);
  async function restore(): Promise<void> {
    setBusy(true);
    try {
      await restoreAccount(id);
      void message.success(t("restore.done", { email }));
    } catch (cause) {
      void message.error(say(cause));
    } finally {
      setBusy(false);
    }
  }
  return { busy, restore };
}

interface Props {
  account: AccountDetail;
  onClose: () => void;
}

function Suspend({ account: { id, email }, onClose }: Props) {
  const { t } = useTranslation("opAccounts");
  const { message } = App.useApp();
  return (
    <FormDialog<{ reason: string }>
      title={t("suspend.title", { email })}
      act={t("suspend.act")}
      danger
      words={{ conflict: t("suspend.conflict") }}
      onClose={onClose}
      send={async ({ reason }) => {
        await suspendAccount(id, reason);
        void message.success(t("suspend.done", { email }));
        onClose();
      }}
    >
      <p>{t("suspend.what")}</p>
      <ReasonField label={t("reason")} hint={t("suspend.hint")} />
    </FormDialog>
  );
}

function Remove({ account: { id, email, balance, currency }, onClose }: Props) {
  const { t } = useTranslation("opAccounts");
  const format = useFormat();
  const { message } = App.useApp();
  const navigate = useNavigate();
  return (
    <FormDialog<{ reason: string; forced?: boolean; email: string }>
      title={t("remove.title", { email })}
      act={t("remove.act")}
      danger
      words={{ conflict: t("remove.conflict") }}
      onClose={onClose}
      send={async ({ reason, forced = false }) => {
        await removeAccount(id, reason, forced);
        void message.success(t("remove.done"));
        await navigate("/op/accounts");
      }}
    >
      <p>{t("remove.what")}</p>
      <ReasonField label={t("reason")} hint={t("remove.hint")} />
      <Form.Item
        name="email"
        label={t("remove.type", { email })}
        rules={[{ validator: (_, typed) => (typed === email ? Promise.resolve() : Promise.reject(new Error(email))) }]}
      >
        <Input autoComplete="off" />
      </Form.Item>
      {!isZero(parseDecimal(balance)) && (
        <Form.Item name="forced" valuePropName="checked" style={{ marginBottom: 0 }}>
          <Checkbox>{t("remove.forced", { amount: format.money(balance, currency) })}</Checkbox>
        </Form.Item>
      )}
    </FormDialog>
  );
}
