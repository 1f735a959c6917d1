/** Replaces the password that was made for somebody by one of their own; nobody gets past it. */
import { Button, Flex, Form, Input } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";

import { changePassword, signOut } from "@/api/queries/session";
import { setMe, useSession } from "@/api/session";
import { ApiError } from "@/api/errors";
import { FaultAlert } from "@/parts/FaultAlert";
import { PasswordField } from "@/parts/PasswordField";
import { useRefusal } from "@/parts/useRefusal";

import { EntryFrame } from "./EntryFrame";
import { forgetGiven, givenPassword } from "./given";

interface Given {
  old?: string;
  fresh: string;
}

export default function NewPassword() {
  const { t } = useTranslation(["entry", "common"]);
  const navigate = useNavigate();
  const { me } = useSession();
  const refusal = useRefusal();
  const [busy, setBusy] = useState(false);
  const [known, setKnown] = useState(givenPassword);

  async function send({ old, fresh }: Given): Promise<void> {
    setBusy(true);
    refusal.clear();
    try {
      await changePassword(known ?? old ?? "", fresh);
      forgetGiven();
      await navigate("/", { replace: true });
    } catch (cause) {
      refusal.refuse(cause);
      if (cause instanceof ApiError && cause.code === "wrong_password") setKnown(null);
      setBusy(false);
    }
  }

  async function leave(): Promise<void> {
    forgetGiven();
    await signOut();
    await navigate("/sign-in", { replace: true });
    setMe(null);
  }

  return (
    <EntryFrame
      title={t("newPassword.title")}
      about={t("newPassword.why")}
      below={
        <Button type="link" onClick={() => void leave()}>
          {t("common:action.signOut")}
        </Button>
      }
    >
      <FaultAlert error={refusal.error} seconds={refusal.seconds} words={{ wrong_password: t("newPassword.wrongOld") }} />
      <Form layout="vertical" requiredMark={false} onFinish={(given: Given) => void send(given)}>
        <Form.Item label={t("common:email")} htmlFor="who">
          <Input id="who" value={me?.email ?? ""} readOnly autoComplete="username" />
        </Form.Item>
        {known === null && (
          <Form.Item name="old" label={t("newPassword.old")} rules={[{ required: true }]}>
            <Input.Password autoComplete="current-password" />
          </Form.Item>
        )}
        <PasswordField name="fresh" label={t("newPassword.new")} autoFocus />
        <Flex>
          <Button type="primary" htmlType="submit" block loading={busy} disabled={refusal.seconds > 0}>
            {t("newPassword.submit")}
          </Button>
        </Flex>
      </Form>
    </EntryFrame>
  );
}
