/** The form of one target: tried as it stands, saved when it is good. */
import { App, Button, Flex, Form } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { applyCatalogue, type TargetEntry } from "@/api/queries/catalogue";
import { FaultAlert } from "@/parts/FaultAlert";
import { useRefusal } from "@/parts/useRefusal";
import { announce } from "@/shell/live";
import "@/style/operator.css";

import { TargetFields } from "./TargetFields";
import { TargetTest } from "./TargetTest";
import { FRESH, tomlOf, valuesOf, type TargetValues } from "./values";

interface Props {
  /** null: it is a new one. */
  before: TargetEntry | null;
  /** The upstream's names of models that are used already. */
  names: readonly string[];
  /** Ids that are taken. */
  taken: readonly string[];
  onSaved: (id: string) => void;
}

export function TargetEditor({ before, names, taken, onSaved }: Props) {
  const { t } = useTranslation(["opTargets", "common"]);
  const { message } = App.useApp();
  const [form] = Form.useForm<TargetValues>();
  const refusal = useRefusal();
  const [busy, setBusy] = useState(false);

  async function onScreen(): Promise<string | null> {
    const good = await form.validateFields().then(
      () => true,
      () => false,
    );
    return good ? tomlOf({ ...FRESH, ...form.getFieldsValue(true) }, before) : null;
  }

  async function save(): Promise<void> {
    const id = before?.id ?? form.getFieldValue("id")?.trim() ?? "";
    if (before === null && taken.includes(id)) {
      form.setFields([{ name: "id", errors: [t("wrong.taken")] }]);
      return;
    }
    const toml = await onScreen();
    if (toml === null) return;
    setBusy(true);
    refusal.clear();
    try {
      await applyCatalogue(toml);
      announce(t("common:saved"));
      void message.success(t("common:saved"));
      onSaved(id);
    } catch (cause) {
      refusal.refuse(cause);
    } finally {
      setBusy(false);
    }
  }

  return (
    <Flex vertical gap={16}>
      <FaultAlert error={refusal.error} seconds={refusal.seconds} />
      <Form<TargetValues>
        form={form}
        layout="vertical"
        requiredMark={false}
        scrollToFirstError={{ focus: true }}
        initialValues={before === null ? FRESH : valuesOf(before)}
        onFinish={() => void save()}
      >
        <TargetFields isNew={before === null} />
      </Form>
      <TargetTest names={names} toml={onScreen} />
      <Flex gap={8} justify="end">
        <Button type="primary" loading={busy} onClick={() => void save()}>
          {t("common:action.save")}
        </Button>
      </Flex>
    </Flex>
  );
}
