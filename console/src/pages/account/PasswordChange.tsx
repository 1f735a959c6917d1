/** Changes one's own password. */
import { App, Button, Form, Input } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { changePassword, sessionsQuery } from "@/api/queries/session";
import { queryClient } from "@/api/query";
import { useMe } from "@/api/session";
import { FaultAlert } from "@/parts/FaultAlert";
import { PasswordField } from "@/parts/PasswordField";
import { useRefusal } from "@/parts/useRefusal";

import { Section } from "./Section";

interface Given {
  old: string;
  fresh: string;
}

export function PasswordChange() {
  const { t } = useTranslation(["account", "entry"]);
  const { email } = useMe();
  const { message } = App.useApp();
  const [form] = Form.useForm<Given>();
  const refusal = useRefusal();
  const [busy, setBusy] = useState(false);

  async function send({ old, fresh }: Given): Promise<void> {
    setBusy(true);
    refusal.clear();
    try {
      await changePassword(old, fresh);
      form.resetFields();
      void message.success(t("password.changed"));
      void queryClient.invalidateQueries({ queryKey: sessionsQuery.queryKey });
    } catch (cause) {
      refusal.refuse(cause);
    } finally {
      setBusy(false);
    }
  }

  return (
    <Section id="password" title={t("password.title")} about={t("password.about")}>
      <FaultAlert error={refusal.error} seconds={refusal.seconds} words={{ wrong_password: t("password.wrongOld") }} />
      <Form name="password-change" form={form} layout="vertical" requiredMark={false} onFinish={(given) => void send(given)}>
        <input type="text" autoComplete="username" value={email} readOnly hidden />
        <Form.Item name="old" label={t("password.old")} rules={[{ required: true }]}>
          <Input.Password autoComplete="current-password" />
        </Form.Item>
        <PasswordField name="fresh" label={t("password.new")} />
        <Button htmlType="submit" loading={busy} disabled={refusal.seconds > 0}>
          {t("password.change")}
        </Button>
      </Form>
    </Section>
  );
}
