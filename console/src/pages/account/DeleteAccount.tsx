/** Ends the account for ever, for whoever types its address. */
import { useQueryClient } from "@tanstack/react-query";
import { Button, Flex, Form, Input, Modal } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";

import { deleteAccount } from "@/api/queries/account";
import { setMe, useMe } from "@/api/session";
import { FaultAlert } from "@/parts/FaultAlert";
import { useRefusal } from "@/parts/useRefusal";

import { Section } from "./Section";

export function DeleteAccount() {
  const { t } = useTranslation("account");
  const [asking, setAsking] = useState(false);
  return (
    <Section
      id="end"
      title={t("end.title")}
      about={t("end.about")}
      actions={
        <Button danger onClick={() => setAsking(true)}>
          {t("end.act")}
        </Button>
      }
    >
      {asking && <Ask onClose={() => setAsking(false)} />}
    </Section>
  );
}

function Ask({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation(["account", "common"]);
  const { account_email: email } = useMe();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const refusal = useRefusal();
  const [typed, setTyped] = useState("");
  const [busy, setBusy] = useState(false);

  async function send(): Promise<void> {
    setBusy(true);
    refusal.clear();
    try {
      await deleteAccount();
      await navigate("/sign-in", { replace: true });
      setMe(null);
      queries.clear();
    } catch (cause) {
      refusal.refuse(cause);
      setBusy(false);
    }
  }

  return (
    <Modal
      open
      title={t("end.sure")}
      okText={t("end.act")}
      okButtonProps={{ danger: true, disabled: typed.trim().toLowerCase() !== email }}
      cancelText={t("common:action.cancel")}
      confirmLoading={busy}
      mask={{ closable: false }}
      onCancel={onClose}
      onOk={() => void send()}
    >
      <Flex vertical gap={12}>
        <FaultAlert error={refusal.error} seconds={refusal.seconds} words={{ conflict: t("end.refused") }} />
        <span>{t("end.about")}</span>
        <Form layout="vertical">
          <Form.Item label={t("end.type", { email })} htmlFor="delete-account" style={{ marginBottom: 0 }}>
            <Input id="delete-account" autoFocus autoComplete="off" value={typed} onChange={(event) => setTyped(event.target.value)} />
          </Form.Item>
        </Form>
      </Flex>
    </Modal>
  );
}
