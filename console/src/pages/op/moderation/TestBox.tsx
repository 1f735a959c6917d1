/** A text, and what would come of it: the rule that fits, its category, the form in which it was looked for. */
import { useQuery } from "@tanstack/react-query";
import { Alert, Button, Card, Flex, Form, Input, Segmented, Select, Switch } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { modelEntriesQuery } from "@/api/queries/catalogue";
import { testText, type Finding, type Policies, type TestAsked, type Tested } from "@/api/queries/moderation";
import { AccountPicker } from "@/parts/AccountPicker";
import { DataTable } from "@/parts/DataTable";
import { FaultAlert } from "@/parts/FaultAlert";
import { useRefusal } from "@/parts/useRefusal";
import { useFormat } from "@/format";

import { ActionTag, useCategoryName } from "./words";

interface Trial {
  text: string;
  direction: TestAsked["direction"];
  account_id?: string | undefined;
  model?: string | undefined;
  classifier: boolean;
}

export function TestBox({ policies }: { policies: Policies }) {
  const { t } = useTranslation("opModeration");
  const [form] = Form.useForm<Trial>();
  const refusal = useRefusal();
  const [busy, setBusy] = useState(false);
  const [tested, setTested] = useState<Tested | null>(null);

  async function send({ account_id: account, model, ...trial }: Trial): Promise<void> {
    setBusy(true);
    refusal.clear();
    try {
      setTested(await testText({ ...trial, account_id: account ?? null, model: model ?? null }));
    } catch (cause) {
      setTested(null);
      refusal.refuse(cause);
    } finally {
      setBusy(false);
    }
  }

  return (
    <div className="tm-pair">
      <Card>
        <FaultAlert error={refusal.error} seconds={refusal.seconds} />
        <Form<Trial>
          form={form}
          layout="vertical"
          requiredMark={false}
          initialValues={{ text: "", direction: "input", classifier: policies.classifier !== null }}
          onFinish={(trial) => void send({ ...trial, classifier: trial.classifier && policies.classifier !== null })}
        >
          <Form.Item name="text" label={t("test.text")} extra={t("test.about")} rules={[{ required: true, message: t("test.nothing") }]}>
            <Input.TextArea autoSize={false} className="tm-grows tm-tall" maxLength={100_000} />
          </Form.Item>
          <Form.Item name="direction" label={t("test.direction")}>
            <Segmented
              aria-label={t("test.direction")}
              options={(["input", "output"] as const).map((value) => ({ value, label: t(`direction.${value}`) }))}
            />
          </Form.Item>
          <AsWhom />
          {policies.classifier !== null && (
            <Form.Item name="classifier" label={t("test.classifier", { name: policies.classifier })} valuePropName="checked">
              <Switch />
            </Form.Item>
          )}
          <Button type="primary" htmlType="submit" loading={busy}>
            {t("test.act")}
          </Button>
        </Form>
      </Card>
      {tested !== null && <Outcome tested={tested} />}
    </div>
  );
}

function AsWhom() {
  const { t } = useTranslation("opModeration");
  const { data: models } = useQuery(modelEntriesQuery);
  return (
    <Flex gap={12} wrap>
      <Form.Item name="account_id" label={t("policy.account")} style={{ flex: "1 1 200px" }}>
        <AccountPicker placeholder={t("policy.allAccounts")} />
      </Form.Item>
      <Form.Item name="model" label={t("policy.model")} style={{ flex: "1 1 200px" }}>
        <Select
          allowClear
          showSearch
          placeholder={t("policy.allModels")}
          options={(models ?? []).map(({ id }) => ({ value: id, label: id }))}
        />
      </Form.Item>
    </Flex>
  );
}

const TONES = { block: "error", flag: "warning", pass: "success", off: "info" } as const;

function Outcome({ tested }: { tested: Tested }) {
  const { t } = useTranslation("opModeration");
  const format = useFormat();
  const name = useCategoryName();
  const time = (us: number): string => (us < 1_000 ? `${format.count(Math.round(us))} µs` : format.duration(us / 1_000));
  return (
    <Card title={t("test.outcome")}>
      <Flex vertical gap={12}>
        <Alert
          type={TONES[tested.verdict]}
          showIcon
          title={t(`verdict.${tested.verdict}`)}
          description={
            <>
              {t("test.lists", { time: time(tested.lists_us) })}
              {tested.classifier_us !== null && ` · ${t("test.judged", { time: time(tested.classifier_us) })}`}
              {tested.policy_id === null && <span className="tm-second">{t("test.byDefault")}</span>}
            </>
          }
        />
        {tested.failed !== null && <Alert type="warning" showIcon title={t("test.failed")} description={tested.failed} />}
        <DataTable<Finding>
          label={t("test.findings")}
          rows={tested.findings}
          rowKey={(found) => `${found.source} ${found.rule} ${found.matched}`}
          empty={<span className="tm-quiet">{t("test.noFindings")}</span>}
          columns={[
            { key: "category", title: t("column.category"), heading: true, render: (found) => name(found.category) },
            { key: "matched", title: t("column.matched"), render: (found) => <code className="tm-mono">{found.matched || "–"}</code> },
            {
              key: "rule",
              title: t("column.rule"),
              render: (found) => (
                <>
                  <code className="tm-mono">{found.rule}</code>
                  <span className="tm-second">{found.source}</span>
                </>
              ),
            },
            {
              key: "action",
              title: t("column.action"),
              render: (found) => (found.passed ? t("test.passed") : <ActionTag action={found.action} />),
            },
          ]}
        />
        <div>
          <h3 className="tm-subtitle">{t("test.normalised")}</h3>
          <pre className="tm-code tm-wrapped" tabIndex={0} role="region" aria-label={t("test.normalised")}>
            {tested.normalised}
          </pre>
        </div>
      </Flex>
    </Card>
  );
}
