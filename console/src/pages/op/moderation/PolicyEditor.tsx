/** Writes a policy: for whom, what it does in each direction, and what differs by category. */
import { useQuery } from "@tanstack/react-query";
import { Alert, App, Button, Collapse, Drawer, Flex, Form, InputNumber, Segmented, Select, Switch } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { modelEntriesQuery } from "@/api/queries/catalogue";
import { phrasesQuery, writePolicy, type Policies, type Policy } from "@/api/queries/moderation";
import { AccountPicker } from "@/parts/AccountPicker";
import { FaultAlert } from "@/parts/FaultAlert";
import { useRefusal } from "@/parts/useRefusal";
import { announce } from "@/shell/live";

import { askedOf, valuesOf, type PolicyForm } from "./policies";
import { ACTIONS, useCategoryName } from "./words";

interface Props {
  policies: Policies;
  /** null: it is a new one. */
  edited: Policy | null;
  onClose: () => void;
}

export function PolicyEditor({ policies, edited, onClose }: Props) {
  const { t } = useTranslation(["opModeration", "common"]);
  const { message } = App.useApp();
  const [form] = Form.useForm<PolicyForm>();
  const refusal = useRefusal();
  const [busy, setBusy] = useState(false);

  async function send(values: PolicyForm): Promise<void> {
    setBusy(true);
    refusal.clear();
    try {
      await writePolicy(askedOf(values));
      announce(t("common:saved"));
      void message.success(t("common:saved"));
      onClose();
    } catch (cause) {
      refusal.refuse(cause);
    } finally {
      setBusy(false);
    }
  }

  return (
    <Drawer
      open
      size={560}
      title={t(edited === null ? "policy.new" : "policy.edit")}
      onClose={onClose}
      mask={{ closable: false }}
      footer={
        <Flex gap={8} justify="end">
          <Button onClick={onClose}>{t("common:action.cancel")}</Button>
          <Button type="primary" loading={busy} onClick={() => form.submit()}>
            {t("common:action.save")}
          </Button>
        </Flex>
      }
    >
      <FaultAlert error={refusal.error} seconds={refusal.seconds} />
      <Form<PolicyForm>
        form={form}
        layout="vertical"
        requiredMark={false}
        initialValues={valuesOf(edited ?? policies.default, edited)}
        onFinish={() => void send(form.getFieldsValue(true) as PolicyForm)}
      >
        <ScopeFields edited={edited} />
        <Directions />
        <Collapse
          size="small"
          defaultActiveKey={edited !== null && Object.keys(edited.categories).length > 0 ? ["categories"] : []}
          items={[
            { key: "categories", label: t("policy.byCategory"), forceRender: true, children: <Categories policies={policies} /> },
            { key: "more", label: t("policy.more"), forceRender: true, children: <More /> },
          ]}
        />
      </Form>
    </Drawer>
  );
}

function ScopeFields({ edited }: { edited: Policy | null }) {
  const { t } = useTranslation("opModeration");
  const { data: models } = useQuery(modelEntriesQuery);
  const known = edited?.account_id == null ? null : { id: edited.account_id, email: edited.account_email ?? edited.account_id };
  return (
    <>
      {edited === null && <Alert type="info" showIcon title={t("policy.scopeAbout")} style={{ marginBottom: 16 }} />}
      <Form.Item name="account_id" label={t("policy.account")}>
        <AccountPicker placeholder={t("policy.allAccounts")} disabled={edited !== null} known={known} />
      </Form.Item>
      <Form.Item name="model" label={t("policy.model")}>
        <Select
          allowClear
          showSearch
          disabled={edited !== null}
          placeholder={t("policy.allModels")}
          options={(models ?? []).map(({ id }) => ({ value: id, label: id }))}
        />
      </Form.Item>
    </>
  );
}

function Directions() {
  const { t } = useTranslation("opModeration");
  return (
    <Flex gap={12} wrap>
      {(["input", "output"] as const).map((direction) => (
        <Form.Item key={direction} name={direction} label={t(`direction.${direction}`)} style={{ flex: "1 1 200px" }}>
          <Segmented
            aria-label={t(`direction.${direction}`)}
            options={ACTIONS.map((value) => ({ value, label: t(`action.${value}`) }))}
          />
        </Form.Item>
      ))}
    </Flex>
  );
}

function Categories({ policies }: { policies: Policies }) {
  const { t } = useTranslation("opModeration");
  const name = useCategoryName();
  return (
    <>
      <p className="tm-quiet" style={{ marginTop: 0 }}>
        {t("policy.byCategoryAbout")}
      </p>
      {policies.categories.map((category) => (
        <Flex key={category} gap={12} align="end" style={{ marginBottom: 8 }}>
          <Form.Item name={["categories", category]} label={name(category)} style={{ flex: 2, marginBottom: 0 }}>
            <Select
              allowClear
              placeholder={t("policy.asDirection")}
              options={ACTIONS.map((value) => ({ value, label: t(`action.${value}`) }))}
            />
          </Form.Item>
          {policies.classifier !== null && (
            <Form.Item
              name={["thresholds", category]}
              label={t("policy.threshold", { category: name(category) })}
              style={{ flex: 1, marginBottom: 0 }}
            >
              <InputNumber min={0} max={1} step={0.05} style={{ width: "100%" }} />
            </Form.Item>
          )}
        </Flex>
      ))}
    </>
  );
}

function More() {
  const { t } = useTranslation("opModeration");
  const { data: lists } = useQuery(phrasesQuery);
  return (
    <>
      <Form.Item name="lists" label={t("policy.lists")}>
        <Select mode="multiple" allowClear placeholder={t("policy.allLists")} options={(lists ?? []).map(({ name }) => ({ value: name, label: name }))} />
      </Form.Item>
      {(["classifier", "system_prompts", "refusals_pass"] as const).map((name) => (
        <Form.Item key={name} name={name} label={t(`policy.${name}`)} extra={t(`hint.${name}`)} valuePropName="checked">
          <Switch />
        </Form.Item>
      ))}
      <Form.Item name="on_failure" label={t("policy.on_failure")} extra={t("hint.on_failure")} style={{ marginBottom: 0 }}>
        <Segmented
          aria-label={t("policy.on_failure")}
          options={(["closed", "open"] as const).map((value) => ({ value, label: t(`failure.${value}`) }))}
        />
      </Form.Item>
    </>
  );
}
