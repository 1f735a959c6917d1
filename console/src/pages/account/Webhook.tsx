/** Where events of the account are posted; the secret that signs them is shown when it is made. */
import { App, Button, Flex, Form, Input } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { setWebhook, type Account } from "@/api/queries/account";
import { useMe } from "@/api/session";
import { FaultAlert } from "@/parts/FaultAlert";
import { SecretOnce } from "@/parts/SecretOnce";
import { useRefusal } from "@/parts/useRefusal";

import { Section } from "./Section";

export function Webhook({ account }: { account: Account }) {
  const { t } = useTranslation(["account", "common"]);
  const { standing } = useMe();
  const { message } = App.useApp();
  const [form] = Form.useForm<{ url: string }>();
  const refusal = useRefusal();
  const [busy, setBusy] = useState(false);
  const [secret, setSecret] = useState<string | null>(null);
  const owner = standing === "owner";

  async function send(url: string | null): Promise<void> {
    setBusy(true);
    refusal.clear();
    try {
      const set = await setWebhook(url);
      if (set.secret !== null) return setSecret(set.secret);
      form.setFieldsValue({ url: "" });
      void message.success(t("webhook.removed"));
    } catch (cause) {
      refusal.refuse(cause);
    } finally {
      setBusy(false);
    }
  }

  return (
    <Section id="webhook" title={t("webhook.title")} about={t("webhook.about")}>
      <FaultAlert error={refusal.error} seconds={refusal.seconds} words={{ bad_value: t("webhook.wrong") }} />
      <Form
        name="webhook"
        form={form}
        layout="vertical"
        requiredMark={false}
        disabled={!owner}
        initialValues={{ url: account.webhook_url ?? "" }}
        onFinish={({ url }) => void send(url.trim())}
      >
        <Form.Item
          name="url"
          label={t("webhook.url")}
          extra={owner ? t("webhook.urlHint") : t("ownersOnly")}
          rules={[{ required: true, message: t("webhook.wrong") }]}
        >
          <Input inputMode="url" autoComplete="off" placeholder="https://example.com/hook" />
        </Form.Item>
        <Flex gap={8} wrap>
          <Button htmlType="submit" loading={busy}>
            {t("webhook.save")}
          </Button>
          {account.webhook_url !== null && (
            <Button danger disabled={busy || !owner} onClick={() => void send(null)}>
              {t("webhook.remove")}
            </Button>
          )}
        </Flex>
      </Form>
      {secret !== null && <SecretOnce title={t("webhook.secretTitle")} secret={secret} onDone={() => setSecret(null)} />}
    </Section>
  );
}
