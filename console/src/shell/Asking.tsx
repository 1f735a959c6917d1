/** Asks what a call needs before it can go on: who one is, again, or a new session; the page stays beneath. */
import { SafetyCertificateOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { Alert, Button, Divider, Form, Input, Modal } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { confirmByProvider, leaveForProvider } from "@/api/queries/entry";
import { confirmPassword, signIn, welcomeQuery } from "@/api/queries/session";
import { answered, useSession, type Question } from "@/api/session";
import { FaultAlert } from "@/parts/FaultAlert";
import { useFirstField } from "@/parts/useFirstField";
import { useRefusal } from "@/parts/useRefusal";
import { usePreferences } from "@/preferences";

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
  const { data: welcome } = useQuery(welcomeQuery);
  const [form] = Form.useForm<Given>();
  const refusal = useRefusal();
  const { body, afterOpenChange } = useFirstField();
  const [busy, setBusy] = useState(false);
  const email = me?.email ?? "";
  const ways = question === "confirm" ? me?.confirms_by : undefined;
  const byPassword = ways?.includes("password") ?? welcome?.passwords !== false;
  const provider = welcome?.oidc ?? null;
  const byProvider = provider !== null && (ways?.includes("oidc") ?? true);

  async function send({ password }: Given): Promise<void> {
    setBusy(true);
    refusal.clear();
    try {
      await (question === "confirm" ? confirmPassword(password) : signIn(email, password));
      answered(true);
    } catch (cause) {
      refusal.refuse(cause);
      form.resetFields();
    } finally {
      setBusy(false);
    }
  }

  const act = question === "confirm" ? t("action.confirm") : t("action.signIn");
  return (
    <Modal
      open
      title={question === "confirm" ? t("confirmPassword.title") : t("action.signIn")}
      okText={refusal.seconds > 0 ? `${act} (${String(refusal.seconds)})` : act}
      okButtonProps={{
        htmlType: "submit",
        form: "asked",
        disabled: refusal.seconds > 0,
        style: { display: byPassword ? undefined : "none" },
      }}
      cancelText={t("action.cancel")}
      confirmLoading={busy}
      mask={{ closable: false }}
      zIndex={1600}
      afterOpenChange={afterOpenChange}
      onCancel={() => answered(false)}
    >
      <p>{t(question === "confirm" ? "confirmPassword.why" : "sessionEnded")}</p>
      <FaultAlert error={refusal.error} seconds={refusal.seconds} words={{ wrong_password: t("fault.wrongPasswordOnly") }} />
      {byPassword && (
        <Form name="asked" form={form} layout="vertical" requiredMark={false} onFinish={(given) => void send(given)}>
          <Form.Item label={t("email")} htmlFor="asked-email">
            <Input id="asked-email" value={email} readOnly autoComplete="username" />
          </Form.Item>
          <div ref={body}>
            <Form.Item name="password" label={t("password")} rules={[{ required: true }]}>
              <Input.Password autoFocus autoComplete="current-password" />
            </Form.Item>
          </div>
        </Form>
      )}
      {byProvider && byPassword && <Divider plain>{t("or")}</Divider>}
      {byProvider && <ByProvider question={question} name={provider.name} onFailure={(cause) => refusal.refuse(cause)} />}
      {!byPassword && !byProvider && <Alert type="warning" showIcon title={t("confirmPassword.noWay")} />}
    </Modal>
  );
}

interface ByProviderProps {
  question: Question;
  name: { en: string; zh: string };
  onFailure: (cause: unknown) => void;
}

/** Leaves the page: the browser comes back to it, and the act has to be begun again. */
function ByProvider({ question, name, onFailure }: ByProviderProps) {
  const { t } = useTranslation();
  const { language } = usePreferences();
  const [busy, setBusy] = useState(false);
  async function leave(): Promise<void> {
    setBusy(true);
    const here = location.pathname.replace(/^\/console/, "") + location.search;
    try {
      await (question === "confirm" ? confirmByProvider(here) : leaveForProvider(here));
    } catch (cause) {
      setBusy(false);
      onFailure(cause);
    }
  }
  return (
    <>
      <Button block icon={<SafetyCertificateOutlined aria-hidden />} loading={busy} onClick={() => void leave()}>
        {t("confirmPassword.bySso", { name: language === "zh-CN" ? name.zh : name.en })}
      </Button>
      <p style={{ color: "var(--tm-color-text-tertiary)", marginBottom: 0 }}>{t("confirmPassword.leaves")}</p>
    </>
  );
}
