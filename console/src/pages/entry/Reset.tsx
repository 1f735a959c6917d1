/** A forgotten password: asks for a link, and with the link for a new password. */
import { Alert, Button, Form, Input } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useLocation, useNavigate } from "react-router";

import { askForReset, resetPassword } from "@/api/queries/entry";
import { FaultAlert } from "@/parts/FaultAlert";
import { PasswordField } from "@/parts/PasswordField";
import { useRefusal } from "@/parts/useRefusal";

import { EntryFrame } from "./EntryFrame";

export default function Reset() {
  const token = useLocation().hash.slice(1);
  return token === "" ? <Ask /> : <Use token={token} />;
}

function Ask() {
  const { t } = useTranslation(["entry", "common"]);
  const refusal = useRefusal();
  const [busy, setBusy] = useState(false);
  const [sentTo, setSentTo] = useState<string | null>(null);
  async function send(email: string): Promise<void> {
    setBusy(true);
    refusal.clear();
    try {
      await askForReset(email);
      setSentTo(email);
    } catch (cause) {
      refusal.refuse(cause);
    } finally {
      setBusy(false);
    }
  }
  const back = <Link to="/sign-in">{t("toSignIn")}</Link>;
  if (sentTo !== null) {
    return (
      <EntryFrame title={t("reset.sentTitle")} below={back}>
        <Alert type="success" showIcon title={t("reset.sent", { email: sentTo })} />
      </EntryFrame>
    );
  }
  return (
    <EntryFrame title={t("reset.askTitle")} about={t("reset.ask")} below={back}>
      <FaultAlert error={refusal.error} seconds={refusal.seconds} />
      <Form layout="vertical" requiredMark={false} onFinish={(given: { email: string }) => void send(given.email)}>
        <Form.Item name="email" label={t("common:email")} rules={[{ required: true }]}>
          <Input type="email" autoComplete="username" autoFocus />
        </Form.Item>
        <Button type="primary" htmlType="submit" block loading={busy} disabled={refusal.seconds > 0}>
          {t("reset.submit")}
        </Button>
      </Form>
    </EntryFrame>
  );
}

function Use({ token }: { token: string }) {
  const { t } = useTranslation(["entry", "common"]);
  const navigate = useNavigate();
  const refusal = useRefusal();
  const [busy, setBusy] = useState(false);
  const dead = refusal.error?.code === "unusable_ticket";
  async function send(password: string): Promise<void> {
    setBusy(true);
    refusal.clear();
    try {
      await resetPassword(token, password);
      await navigate("/sign-in", { replace: true, state: { passwordChanged: true } });
    } catch (cause) {
      refusal.refuse(cause);
      setBusy(false);
    }
  }
  return (
    <EntryFrame
      title={t("reset.useTitle")}
      about={t("reset.use")}
      below={dead ? <Link to="/reset">{t("reset.again")}</Link> : <Link to="/sign-in">{t("toSignIn")}</Link>}
    >
      <FaultAlert error={refusal.error} seconds={refusal.seconds} />
      <Form layout="vertical" requiredMark={false} onFinish={(given: { password: string }) => void send(given.password)}>
        <PasswordField name="password" label={t("newPassword.new")} autoFocus />
        <Button type="primary" htmlType="submit" block loading={busy} disabled={refusal.seconds > 0}>
          {t("reset.useSubmit")}
        </Button>
      </Form>
    </EntryFrame>
  );
}
