/** Making an account for oneself, where the settings allow that; otherwise who to ask. */
import { useQuery } from "@tanstack/react-query";
import { Alert, Button, Form, Input, Select } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate } from "react-router";

import { signUp } from "@/api/queries/entry";
import { signIn, welcomeQuery } from "@/api/queries/session";
import { FaultAlert } from "@/parts/FaultAlert";
import { Loaded } from "@/parts/Loaded";
import { PasswordField } from "@/parts/PasswordField";
import { useRefusal } from "@/parts/useRefusal";
import { preferences } from "@/preferences";

import { EntryFrame } from "./EntryFrame";

export default function SignUp() {
  const { t } = useTranslation("entry");
  const welcome = useQuery(welcomeQuery);
  const open = welcome.data === undefined || (welcome.data.signup === "open" && welcome.data.passwords);
  return (
    <EntryFrame title={t(open ? "signUp.title" : "signUp.closedTitle")} below={<ToSignIn />}>
      <Loaded query={welcome} rows={6}>
        {({ signup }) =>
          open ? <SignUpForm /> : <Alert type="info" showIcon title={t(signup === "closed" ? "signUp.closed" : "signUp.invite")} />
        }
      </Loaded>
    </EntryFrame>
  );
}

export function ToSignIn() {
  const { t } = useTranslation("entry");
  return (
    <>
      <span>{t("haveAccount")}</span>
      <Link to="/sign-in">{t("toSignIn")}</Link>
    </>
  );
}

interface Given {
  email: string;
  password: string;
  currency: "USD" | "CNY";
}

function SignUpForm() {
  const { t } = useTranslation(["entry", "common"]);
  const navigate = useNavigate();
  const refusal = useRefusal();
  const [busy, setBusy] = useState(false);
  const { language } = preferences();

  async function send(given: Given): Promise<void> {
    setBusy(true);
    refusal.clear();
    try {
      await signUp({ ...given, language });
      await signIn(given.email, given.password);
      await navigate("/", { replace: true });
    } catch (cause) {
      refusal.refuse(cause);
      setBusy(false);
    }
  }

  return (
    <Form
      layout="vertical"
      requiredMark={false}
      initialValues={{ currency: language === "zh-CN" ? "CNY" : "USD" }}
      onFinish={(given: Given) => void send(given)}
    >
      <FaultAlert error={refusal.error} seconds={refusal.seconds} words={{ conflict: t("signUp.taken") }} />
      <Form.Item name="email" label={t("common:email")} rules={[{ required: true }]}>
        <Input type="email" autoComplete="username" autoFocus />
      </Form.Item>
      <PasswordField name="password" label={t("common:password")} />
      <Form.Item name="currency" label={t("signUp.currency")} extra={t("signUp.currencyNote")}>
        <Select options={(["USD", "CNY"] as const).map((value) => ({ value, label: t(`currency.${value}`) }))} />
      </Form.Item>
      <Button type="primary" htmlType="submit" block loading={busy} disabled={refusal.seconds > 0}>
        {t("signUp.submit")}
      </Button>
    </Form>
  );
}
