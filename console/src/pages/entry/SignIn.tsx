/** Signing in with a password. */
import { Alert, Button, Form, Input } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate, useSearchParams } from "react-router";

import { asApiError } from "@/api/client";
import { signIn } from "@/api/queries/session";

import { EntryFrame } from "./EntryFrame";

interface Given {
  email: string;
  password: string;
}

export default function SignIn() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [search] = useSearchParams();
  const [failure, setFailure] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);

  async function send({ email, password }: Given): Promise<void> {
    setBusy(true);
    setFailure(null);
    try {
      const me = await signIn(email, password);
      await navigate(me.password_given ? "/new-password" : localPath(search.get("then")));
    } catch (error) {
      setFailure(asApiError(error).message);
    } finally {
      setBusy(false);
    }
  }

  return (
    <EntryFrame title={t("action.signIn")}>
      {failure !== null && <Alert type="error" showIcon title={failure} style={{ marginBottom: 16 }} />}
      <Form layout="vertical" requiredMark={false} onFinish={(given: Given) => void send(given)}>
        <Form.Item name="email" label={t("email")} rules={[{ required: true }]}>
          <Input type="email" autoComplete="username" autoFocus />
        </Form.Item>
        <Form.Item name="password" label={t("password")} rules={[{ required: true }]}>
          <Input.Password autoComplete="current-password" />
        </Form.Item>
        <Button type="primary" htmlType="submit" block loading={busy}>
          {t("action.signIn")}
        </Button>
      </Form>
    </EntryFrame>
  );
}

/** Where to go on, only within the console. */
export function localPath(then: string | null): string {
  return then !== null && /^\/(?![/\\])/.test(then) ? then : "/";
}
