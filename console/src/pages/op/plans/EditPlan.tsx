/** Writes a tier in two steps: the form, then what would change, which is applied or not. */
import { useQuery } from "@tanstack/react-query";
import { App, Button, Drawer, Flex, Form, Select } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { presetsQuery, writePlan, type Offer, type Terms } from "@/api/queries/offers";
import { usePlanName } from "@/pages/plan/names";
import { FaultAlert } from "@/parts/FaultAlert";
import { useRefusal } from "@/parts/useRefusal";
import "@/style/operator.css";

import { PlanFields } from "./PlanFields";
import { Preview } from "./Preview";
import { EMPTY, termsOf, valuesOf, type PlanValues } from "./terms";

interface Props {
  /** Null: a new one. */
  edited: Offer | null;
  /** Ids that a new one cannot have. */
  taken: readonly string[];
  onClose: () => void;
}

export function EditPlan({ edited, taken, onClose }: Props) {
  const { t } = useTranslation(["opPlans", "common"]);
  const name = usePlanName();
  const { message, modal } = App.useApp();
  const [form] = Form.useForm<PlanValues>();
  const refusal = useRefusal();
  const [busy, setBusy] = useState(false);
  const [asked, setAsked] = useState<{ id: string; terms: Terms } | null>(null);
  const [before] = useState(() => (edited === null ? EMPTY : valuesOf(edited)));

  async function apply(id: string, terms: Terms): Promise<void> {
    setBusy(true);
    refusal.clear();
    try {
      await writePlan(id, terms);
      void message.success(edited === null ? t("edit.added", { plan: name(terms) }) : t("common:saved"));
      onClose();
    } catch (cause) {
      refusal.refuse(cause);
    } finally {
      setBusy(false);
    }
  }

  function leave(): void {
    if (!form.isFieldsTouched()) return onClose();
    modal.confirm({
      title: t("common:unsaved"),
      okText: t("common:action.close"),
      cancelText: t("common:action.cancel"),
      onOk: onClose,
    });
  }

  const title = edited === null ? t("edit.newTitle") : t("edit.title", { plan: name(edited) });
  return (
    <Drawer
      open
      size={720}
      title={title}
      aria-label={title}
      onClose={leave}
      footer={
        <Flex gap={8} justify="end">
          {asked === null ? (
            <>
              <Button onClick={leave}>{t("common:action.cancel")}</Button>
              <Button type="primary" onClick={() => form.submit()}>
                {t("edit.preview")}
              </Button>
            </>
          ) : (
            <>
              <Button onClick={() => setAsked(null)}>{t("edit.back")}</Button>
              <Button type="primary" loading={busy} onClick={() => void apply(asked.id, asked.terms)}>
                {t("edit.apply")}
              </Button>
            </>
          )}
        </Flex>
      }
    >
      <FaultAlert error={refusal.error} seconds={refusal.seconds} />
      {asked !== null && <Preview edited={edited} before={edited === null ? null : termsOf(valuesOf(edited))} after={asked.terms} />}
      {/* It stays, so that what was typed is there when one comes back. */}
      <div hidden={asked !== null}>
        <Beginning edited={edited} onChoose={(values) => form.setFieldsValue(values)} />
        <Form<PlanValues>
          form={form}
          layout="vertical"
          requiredMark={false}
          scrollToFirstError={{ focus: true }}
          initialValues={before}
          onFinish={(values) => setAsked({ id: edited?.id ?? values.id, terms: termsOf(values) })}
        >
          <PlanFields isNew={edited === null} taken={taken} />
        </Form>
      </div>
    </Drawer>
  );
}

interface BeginningProps {
  edited: Offer | null;
  onChoose: (values: Partial<PlanValues>) => void;
}

/** Fills the form in with a tier that ships. */
function Beginning({ edited, onChoose }: BeginningProps) {
  const { t } = useTranslation("opPlans");
  const name = usePlanName();
  const { data: presets = [] } = useQuery(presetsQuery);
  if (edited !== null) {
    const shipped = presets.find(({ id }) => id === edited.id);
    if (shipped === undefined) return null;
    return (
      <Button size="small" style={{ marginBottom: 16 }} onClick={() => onChoose({ ...valuesOf(shipped), position: edited.position })}>
        {t("edit.shipped")}
      </Button>
    );
  }
  return (
    <Select
      aria-label={t("edit.begin")}
      placeholder={t("edit.begin")}
      style={{ width: "100%", marginBottom: 16 }}
      options={presets.map((preset) => ({ value: preset.id, label: name(preset) }))}
      onChange={(id: string) => {
        const preset = presets.find((each) => each.id === id);
        if (preset !== undefined) onChoose({ ...valuesOf(preset), position: null });
      }}
    />
  );
}
