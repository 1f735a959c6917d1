/** Which policy counts for whom; the closest counts, whole. */
import { PlusOutlined } from "@ant-design/icons";
import { App, Button, Flex } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { removePolicy, type Policies, type Policy, type PolicyValues } from "@/api/queries/moderation";
import { DataTable } from "@/parts/DataTable";
import { useFaultText } from "@/parts/faults";
import { When } from "@/parts/When";

import { PolicyEditor } from "./PolicyEditor";
import { ActionTag, useCategoryName } from "./words";

/** null: that of the settings, which cannot be changed here. */
interface Row {
  policy: Policy | null;
  values: PolicyValues;
}

export function PolicyTable({ policies }: { policies: Policies }) {
  const { t } = useTranslation(["opModeration", "common"]);
  const [edited, setEdited] = useState<Policy | "new" | null>(null);
  const rows: Row[] = [
    ...policies.data.map((policy) => ({ policy, values: policy })),
    { policy: null, values: policies.default },
  ];
  return (
    <Flex vertical gap={12}>
      <Flex justify="space-between" align="center" gap={12} wrap>
        <span className="tm-quiet">{t("closest")}</span>
        <Button type="primary" icon={<PlusOutlined aria-hidden />} onClick={() => setEdited("new")}>
          {t("policy.new")}
        </Button>
      </Flex>
      <DataTable
        label={t("tab.policies")}
        rows={rows}
        rowKey={({ policy }) => policy?.id ?? "default"}
        columns={[
          { key: "scope", title: t("policy.scope"), heading: true, render: ({ policy }) => <Scope policy={policy} /> },
          { key: "input", title: t("direction.input"), render: ({ values }) => <ActionTag action={values.input} /> },
          { key: "output", title: t("direction.output"), render: ({ values }) => <ActionTag action={values.output} /> },
          { key: "categories", title: t("policy.exceptions"), render: ({ values }) => <Exceptions values={values} /> },
          { key: "classifier", title: t("policy.classifier"), render: ({ values }) => t(`common:state.${values.classifier ? "on" : "off"}`) },
          { key: "failure", title: t("policy.on_failure"), render: ({ values }) => t(`failure.${values.on_failure}`) },
          {
            key: "at",
            title: t("policy.updated"),
            render: ({ policy }) => (policy === null ? t("policy.settings") : <When at={policy.updated_at} />),
          },
        ]}
        actions={({ policy }) => policy !== null && <RowActs policy={policy} onEdit={() => setEdited(policy)} />}
      />
      {edited !== null && (
        <PolicyEditor policies={policies} edited={edited === "new" ? null : edited} onClose={() => setEdited(null)} />
      )}
    </Flex>
  );
}

function Scope({ policy }: { policy: Policy | null }) {
  const { t } = useTranslation("opModeration");
  if (policy === null) return t("policy.default");
  return (
    <>
      {policy.account_id === null ? t("policy.allAccounts") : (policy.account_email ?? policy.account_id)}
      <span className="tm-second">{policy.model ?? t("policy.allModels")}</span>
    </>
  );
}

function Exceptions({ values }: { values: PolicyValues }) {
  const name = useCategoryName();
  const { t } = useTranslation("opModeration");
  const found = Object.entries(values.categories);
  if (found.length === 0) return "–";
  return <span className="tm-name">{found.map(([category, action]) => `${name(category)}: ${t(`action.${action}`)}`).join(" · ")}</span>;
}

function RowActs({ policy, onEdit }: { policy: Policy; onEdit: () => void }) {
  const { t } = useTranslation(["opModeration", "common"]);
  const { message, modal } = App.useApp();
  const say = useFaultText();
  async function remove(): Promise<void> {
    try {
      await removePolicy(policy.id);
    } catch (cause) {
      void message.error(say(cause));
    }
  }
  return (
    <>
      <Button size="small" onClick={onEdit}>
        {t("common:action.edit")}
      </Button>
      <Button
        size="small"
        danger
        onClick={() =>
          modal.confirm({
            title: t("policy.remove"),
            content: t("policy.removeBreaks"),
            okText: t("common:action.delete"),
            okButtonProps: { danger: true },
            cancelText: t("common:action.cancel"),
            onOk: () => {
              void remove();
            },
          })
        }
      >
        {t("common:action.delete")}
      </Button>
    </>
  );
}
