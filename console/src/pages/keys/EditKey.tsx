/** Changes a key's name, end and limits; running nodes follow within a second. */
import { App, Button, Drawer, Flex, Form } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { changeKey, type Key } from "@/api/queries/keys";
import { FaultAlert } from "@/parts/FaultAlert";
import { useRefusal } from "@/parts/useRefusal";
import { usePreferences } from "@/preferences";
import { announce } from "@/shell/live";

import { KeyFields } from "./KeyFields";
import { useKeyFaults } from "./useKeyFaults";
import { changeOf, valuesOf, type KeyValues } from "./values";

export function EditKey({ edited, onClose }: { edited: Key; onClose: () => void }) {
  const { t } = useTranslation(["keys", "common"]);
  const { zone } = usePreferences();
  const { message, modal } = App.useApp();
  const [form] = Form.useForm<KeyValues>();
  const showFault = useKeyFaults(form);
  const refusal = useRefusal();
  const [busy, setBusy] = useState(false);
  const before = valuesOf(edited);

  async function send(values: KeyValues): Promise<void> {
    setBusy(true);
    refusal.clear();
    try {
      await changeKey(edited.id, changeOf(values, new Date(), zone));
      announce(t("common:saved"));
      void message.success(t("common:saved"));
      onClose();
    } catch (cause) {
      if (!showFault(cause)) refusal.refuse(cause);
    } finally {
      setBusy(false);
    }
  }

  function leave(): void {
    if (!form.isFieldsTouched()) return onClose();
    modal.confirm({ title: t("common:unsaved"), okText: t("common:action.close"), onOk: onClose });
  }

  const limited = before.models?.length || before.cap || before.addresses?.length || before.rpm || before.tpm;
  return (
    <Drawer
      open
      size={480}
      title={t("edit.title", { name: edited.name })}
      onClose={leave}
      footer={
        <Flex gap={8} justify="end">
          <Button onClick={leave}>{t("common:action.cancel")}</Button>
          <Button type="primary" loading={busy} htmlType="submit" form="edit-key">
            {t("common:action.save")}
          </Button>
        </Flex>
      }
    >
      <FaultAlert error={refusal.error} seconds={refusal.seconds} />
      <Form name="edit-key" form={form} layout="vertical" requiredMark={false} initialValues={before} onFinish={(values) => void send(values)}>
        <KeyFields
          expiries={["keep", "none", "d7", "d30", "d90", "date"]}
          open={Boolean(limited || before.concurrency)}
          spent={edited.spent}
          autoFocus
        />
      </Form>
    </Drawer>
  );
}
