/** How a model is told to draw its tokens, where a request does not say, and how often it may be asked. */
import { Card, Flex, Form, InputNumber, Switch } from "antd";
import { useTranslation } from "react-i18next";

import { TASKS } from "./values";

export function SamplingFields() {
  const { t } = useTranslation("opModels");
  return (
    <>
      <p className="tm-quiet" style={{ marginTop: 0 }}>
        {t("samplingAbout")}
      </p>
      <div className="tm-grid">
        <Card size="small" title={t("task.usual")}>
          <Draw path={["sampling"]} />
        </Card>
        {TASKS.map((task) => (
          <Task key={task} task={task} />
        ))}
      </div>
    </>
  );
}

function Task({ task }: { task: (typeof TASKS)[number] }) {
  const { t } = useTranslation("opModels");
  const path = ["sampling", task];
  const on = Form.useWatch<boolean | undefined>([...path, "on"]);
  return (
    <Card
      size="small"
      title={t(`task.${task}`)}
      extra={
        <Form.Item name={[...path, "on"]} valuePropName="checked" noStyle>
          <Switch aria-label={t(`task.${task}`)} />
        </Form.Item>
      }
    >
      {on === true ? <Draw path={path} /> : <span className="tm-quiet">{t("asUsual")}</span>}
    </Card>
  );
}

function Draw({ path }: { path: string[] }) {
  const { t } = useTranslation("opModels");
  return (
    <Flex gap={12} wrap>
      <Form.Item name={[...path, "temperature"]} label="temperature" rules={[{ required: true, message: t("wrong.count") }]} style={{ flex: 1, marginBottom: 0 }}>
        <InputNumber min={0} max={2} step={0.1} style={{ width: "100%" }} />
      </Form.Item>
      <Form.Item name={[...path, "top_p"]} label="top_p" rules={[{ required: true, message: t("wrong.count") }]} style={{ flex: 1, marginBottom: 0 }}>
        <InputNumber min={0.01} max={1} step={0.05} style={{ width: "100%" }} />
      </Form.Item>
    </Flex>
  );
}

export function LimitFields() {
  const { t } = useTranslation("opModels");
  return (
    <>
      <p className="tm-quiet" style={{ marginTop: 0 }}>
        {t("limitsAbout")}
      </p>
      <Flex gap={12} wrap>
        {(["rpm", "tpm"] as const).map((name) => (
          <Form.Item
            key={name}
            name={["limits", name]}
            label={t(`field.${name}`)}
            rules={[{ required: true, message: t("wrong.count") }]}
            style={{ flex: "1 1 200px", maxWidth: 320 }}
          >
            <InputNumber min={1} precision={0} style={{ width: "100%" }} />
          </Form.Item>
        ))}
      </Flex>
    </>
  );
}
