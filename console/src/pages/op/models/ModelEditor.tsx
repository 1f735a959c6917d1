/** The form of one model, in tabs; nothing is changed before its preview has been seen. */
import { Button, Flex, Form, Tabs } from "antd";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { previewCatalogue, type ModelEntry, type Preview } from "@/api/queries/catalogue";
import { FaultAlert } from "@/parts/FaultAlert";
import { useFilters } from "@/parts/useFilters";
import { useRefusal } from "@/parts/useRefusal";
import { usePreferences } from "@/preferences";
import "@/style/operator.css";

import { BasicFields } from "./BasicFields";
import { ChangePreview } from "./ChangePreview";
import { LimitFields, SamplingFields } from "./DrawFields";
import { PriceFields } from "./PriceFields";
import { TargetRows } from "./TargetRows";
import { fresh, tabOf, tomlOf, TABS, valuesOf, type ModelValues, type Tab } from "./values";

interface Props {
  /** null: it is a new one. */
  before: ModelEntry | null;
  /** Ids and other names that are taken. */
  taken: readonly string[];
  /** The target of a new one. */
  target?: string;
  onSaved: (id: string) => void;
}

export function ModelEditor({ before, taken, target = "", onSaved }: Props) {
  const { t } = useTranslation(["opModels", "common"]);
  const { zone } = usePreferences();
  const [form] = Form.useForm<ModelValues>();
  const filters = useFilters(["tab"]);
  const refusal = useRefusal();
  const [busy, setBusy] = useState(false);
  const [seen, setSeen] = useState<{ toml: string; preview: Preview } | null>(null);
  const shown = TABS.find((tab) => tab === filters.values.tab) ?? "basics";
  const show = (tab: Tab): void => filters.put("tab", tab === "basics" ? "" : tab);

  async function preview(): Promise<void> {
    const wrong = await form.validateFields().then(
      () => null,
      (found: { errorFields: { name: (string | number)[] }[] }) => found.errorFields[0]?.name ?? [],
    );
    if (wrong !== null) return show(tabOf(wrong[0]));
    const values = form.getFieldsValue(true) as ModelValues;
    if (before === null && taken.includes(values.id.trim())) {
      form.setFields([{ name: "id", errors: [t("wrong.taken")] }]);
      return show("basics");
    }
    setBusy(true);
    refusal.clear();
    try {
      const toml = tomlOf(values, before, zone);
      setSeen({ toml, preview: await previewCatalogue(toml) });
    } catch (cause) {
      refusal.refuse(cause);
    } finally {
      setBusy(false);
    }
  }

  const panes: Record<Tab, ReactNode> = {
    basics: <BasicFields isNew={before === null} />,
    targets: <TargetRows />,
    price: <PriceFields />,
    sampling: <SamplingFields />,
    limits: <LimitFields />,
  };
  return (
    <>
      <FaultAlert error={refusal.error} seconds={refusal.seconds} />
      <Form<ModelValues>
        form={form}
        layout="vertical"
        requiredMark={false}
        initialValues={before === null ? fresh(target) : valuesOf(before, zone)}
      >
        <Tabs
          className="tm-tabs"
          activeKey={shown}
          onChange={(key) => show(key as Tab)}
          items={TABS.map((key) => ({ key, label: t(`tab.${key}`), forceRender: true, children: panes[key] }))}
        />
        <Flex justify="end" style={{ marginTop: 16 }}>
          <Button type="primary" loading={busy} onClick={() => void preview()}>
            {t("common:action.preview")}
          </Button>
        </Flex>
      </Form>
      {seen !== null && (
        <ChangePreview
          toml={seen.toml}
          preview={seen.preview}
          onClose={() => setSeen(null)}
          onDone={() => {
            setSeen(null);
            onSaved(before?.id ?? (form.getFieldValue("id") as string).trim());
          }}
        />
      )}
    </>
  );
}
