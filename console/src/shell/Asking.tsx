/** Asks what a call needs before it can go on: the password again, or a new session; the page stays beneath. */
import { Alert, Form, Input, Modal } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { asApiError } from "@/api/client";
import { confirmPassword, signIn } from "@/api/queries/session";
import { answered, useSession, type Question } from "@/api/session";

export function Asking() {
  const { asking } = useSession();
  return asking === null ? null : <Asked question={asking} />;
}

interface Given {
  password: string;
}

function Asked({ question }: { question: Question }) {
  const { t } = useTranslation();
  const { me } = useSession();
  const [form] = Form.useForm<Given>();
  const [failure, setFailure] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const email = me?.email ?? "";

  async function send({ password }: Given): Promise<void> {
    setBusy(true);
    setFailure(null);
    try {
      await (question === "confirm" ? confirmPassword(password) : signIn(email, password));
      answered(true);
    } catch (error) {
      setFailure(asApiError(error).message);
      form.resetFields();
    } finally {
      setBusy(false);
    }
  }

  return (
    <Modal
      open
      title={question === "confirm" ? t("confirmPassword.title") : t("action.signIn")}
      okText={question === "confirm" ? t("action.confirm") : t("action.signIn")}
      cancelText={t("action.cancel")}
      confirmLoading={busy}
      mask={{ closable: false }}
      onCancel={() => answered(false)}
      onOk={() => form.submit()}
    >
      <p>{t(question === "confirm" ? "confirmPassword.why" : "sessionEnded")}</p>
      {failure !== null && <Alert type="error" showIcon title={failure} style={{ marginBottom: 12 }} />}
      <Form form={form} layout="vertical" requiredMark={false} onFinish={(given) => void send(given)}>
        <Form.Item label={t("email")}>
          <Input value={email} readOnly autoComplete="username" />
        </Form.Item>
        <Form.Item name="password" label={t("password")} rules={[{ required: true }]}>
          <Input.Password autoFocus autoComplete="current-password" />
        </Form.Item>
      </Form>
    </Modal>
  );
}
