/** Email and password. */
import { Button, Flex, Form, Input } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

interface Props {
  /** How long one has to wait before the next try. */
  seconds: number;
  onEnter: (email: string, password: string) => Promise<void>;
}

interface Given {
  email: string;
  password: string;
}

export function SignInForm({ seconds, onEnter }: Props) {
  const { t } = useTranslation(["entry", "common"]);
  const [busy, setBusy] = useState(false);
  async function send({ email, password }: Given): Promise<void> {
    setBusy(true);
    await onEnter(email, password);
    setBusy(false);
  }
  return (
    <Form layout="vertical" requiredMark={false} onFinish={(given: Given) => void send(given)}>
      <Form.Item name="email" label={t("common:email")} rules={[{ required: true }]}>
        <Input type="email" autoComplete="username" autoFocus />
      </Form.Item>
      <Form.Item name="password" label={t("common:password")} rules={[{ required: true }]} style={{ marginBottom: 8 }}>
        <Input.Password autoComplete="current-password" />
      </Form.Item>
      <Flex justify="end" style={{ marginBottom: 16 }}>
        <Link to="/reset">{t("forgot")}</Link>
      </Flex>
      <Button type="primary" htmlType="submit" block loading={busy} disabled={seconds > 0}>
        {seconds > 0 ? t("signInIn", { seconds }) : t("common:action.signIn")}
      </Button>
    </Form>
  );
}
