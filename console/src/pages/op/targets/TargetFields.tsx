/** The fields of a target: where it is and who may speak to it, and, folded, what is peculiar to it. */
import { Collapse, Flex, Form, Input, InputNumber, Segmented, Select, Switch } from "antd";
import { useTranslation } from "react-i18next";

import { DIALECTS, ENGINES, LEAVERS, REASONING, THINKING, type TargetValues } from "./values";

const TIMES = ["connect", "first", "between", "whole"] as const;
const FLAGS = ["strict", "native_search", "free"] as const;

export function TargetFields({ isNew }: { isNew: boolean }) {
  const { t } = useTranslation("opTargets");
  const engine = Form.useWatch<TargetValues["engine"] | undefined>("engine");
  return (
    <>
      {isNew && (
        <Form.Item
          name="id"
          label={t("field.id")}
          extra={t("hint.id")}
          rules={[{ required: true, pattern: /^[a-z0-9][a-z0-9._-]{0,127}$/, message: t("wrong.id") }]}
        >
          <Input autoFocus autoComplete="off" placeholder="gpu-1" />
        </Form.Item>
      )}
      <Form.Item name="engine" label={t("field.engine")} extra={engine !== undefined && t(`engine.${engine}`)}>
        <Segmented aria-label={t("field.engine")} options={[...ENGINES]} />
      </Form.Item>
      {engine !== "embedded" && <Address />}
      <Collapse
        size="small"
        items={[{ key: "more", label: t("field.more"), forceRender: true, children: <Peculiarities /> }]}
      />
    </>
  );
}

function Address() {
  const { t } = useTranslation("opTargets");
  const source = Form.useWatch<TargetValues["keySource"] | undefined>("keySource");
  return (
    <>
      <Form.Item
        name="base_url"
        label="Base URL"
        extra={t("hint.base_url")}
        rules={[{ required: true, pattern: /^\s*https?:\/\/\S+\s*$/, message: t("wrong.base_url") }]}
      >
        <Input autoComplete="off" inputMode="url" placeholder="http://127.0.0.1:8000/v1" />
      </Form.Item>
      <Form.Item name="keySource" label={t("field.key")} extra={t("hint.key")}>
        <Segmented
          aria-label={t("field.key")}
          className="tm-wraps"
          options={(["none", "env", "file"] as const).map((value) => ({ value, label: t(`key.${value}`) }))}
        />
      </Form.Item>
      {(source === "env" || source === "file") && (
        <Form.Item
          name="keyName"
          label={t(`keyName.${source}`)}
          rules={[
            {
              required: true,
              pattern: source === "env" ? /^\s*[A-Za-z_][A-Za-z0-9_]*\s*$/ : /\S/,
              message: t(`wrong.${source}`),
            },
          ]}
        >
          <Input autoComplete="off" placeholder={source === "env" ? "GPU_1_KEY" : "/etc/tokenmill/gpu-1.key"} />
        </Form.Item>
      )}
    </>
  );
}

function Peculiarities() {
  const { t } = useTranslation("opTargets");
  const choices = [
    ["dialect", DIALECTS],
    ["thinking_switch", THINKING],
    ["reasoning_back", REASONING],
    ["on_disconnect", LEAVERS],
  ] as const;
  return (
    <>
      <div className="tm-grid">
        {choices.map(([name, options]) => (
          <Form.Item key={name} name={name} label={t(`field.${name}`)} extra={t(`hint.${name}`)}>
            <Select options={options.map((value) => ({ value, label: value }))} />
          </Form.Item>
        ))}
      </div>
      {FLAGS.map((name) => (
        <Form.Item key={name} name={name} label={t(`field.${name}`)} extra={t(`hint.${name}`)} valuePropName="checked">
          <Switch />
        </Form.Item>
      ))}
      <Flex gap={12} wrap>
        {TIMES.map((name) => (
          <Form.Item
            key={name}
            name={["timeouts", name]}
            label={t(`field.${name}`)}
            rules={[{ required: true, message: t("wrong.seconds") }]}
            style={{ flex: "1 1 140px", marginBottom: 0 }}
          >
            <InputNumber min={0.1} max={86_400} suffix="s" style={{ width: "100%" }} />
          </Form.Item>
        ))}
      </Flex>
    </>
  );
}
