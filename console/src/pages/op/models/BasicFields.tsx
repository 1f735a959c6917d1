/** What a model is called, takes, and until when it is offered. */
import { useQuery } from "@tanstack/react-query";
import { Flex, Form, Input, InputNumber, Segmented, Select, Skeleton, Switch } from "antd";
import { Suspense } from "react";
import { useTranslation } from "react-i18next";

import { modelEntriesQuery } from "@/api/queries/catalogue";
import { late } from "@/latecomers";

import { FAMILIES, MODALITIES, THINKING } from "./values";

const DayPicker = late(() => import("@/parts/DayPicker"));

export function BasicFields({ isNew }: { isNew: boolean }) {
  const { t } = useTranslation("opModels");
  return (
    <>
      {isNew && (
        <Form.Item
          name="id"
          label={t("field.id")}
          extra={t("hint.id")}
          rules={[{ required: true, pattern: /^\s*[a-z0-9][a-z0-9._-]{0,127}\s*$/, message: t("wrong.id") }]}
        >
          <Input autoFocus autoComplete="off" placeholder="mimo-v2.5-pro" />
        </Form.Item>
      )}
      <Form.Item name="aliases" label={t("field.aliases")} extra={t("hint.aliases")}>
        <Select mode="tags" open={false} suffixIcon={null} tokenSeparators={[" ", ",", "，"]} />
      </Form.Item>
      <Form.Item name="input" label={t("field.input")} rules={[{ required: true, message: t("wrong.input") }]}>
        <Select mode="multiple" options={MODALITIES.map((value) => ({ value, label: t(`modality.${value}`) }))} />
      </Form.Item>
      <Flex gap={12} wrap>
        {(["context_window", "max_output_tokens"] as const).map((name) => (
          <Form.Item
            key={name}
            name={name}
            label={t(`field.${name}`)}
            rules={[{ required: true, message: t("wrong.count") }]}
            style={{ flex: "1 1 200px" }}
          >
            <InputNumber min={1} precision={0} suffix={t("tokens")} style={{ width: "100%" }} />
          </Form.Item>
        ))}
      </Flex>
      <Form.Item name="thinking" label={t("field.thinking")} extra={t("hint.thinking")}>
        <Segmented
          aria-label={t("field.thinking")}
          className="tm-wraps"
          options={THINKING.map((value) => ({ value, label: t(`thinking.${value}`) }))}
        />
      </Form.Item>
      <Flex gap={12} wrap>
        <Form.Item name="family" label={t("field.family")} extra={t("hint.family")} style={{ flex: "1 1 200px" }}>
          <Select options={[{ value: "", label: t("guessed") }, ...FAMILIES.map((value) => ({ value, label: value }))]} />
        </Form.Item>
        <Form.Item name="web_search" label={t("field.web_search")} valuePropName="checked" style={{ flex: "1 1 200px" }}>
          <Switch />
        </Form.Item>
      </Flex>
      <Retirement />
    </>
  );
}

function Retirement() {
  const { t } = useTranslation("opModels");
  const form = Form.useFormInstance();
  const id = Form.useWatch<string | undefined>("id", { form, preserve: true });
  const { data } = useQuery(modelEntriesQuery);
  const others = (data ?? []).filter((model) => model.id !== id).map((model) => ({ value: model.id, label: model.id }));
  return (
    <Flex gap={12} wrap>
      <Form.Item name="retires" label={t("field.retires")} extra={t("hint.retires")} style={{ flex: "1 1 200px" }}>
        <Retires />
      </Form.Item>
      <Form.Item name="successor" label={t("field.successor")} extra={t("hint.successor")} style={{ flex: "1 1 200px" }}>
        <Select allowClear showSearch options={others} />
      </Form.Item>
    </Flex>
  );
}

interface RetiresProps {
  id?: string;
  value?: string;
  onChange?: (day: string) => void;
}

/** Form fields hold "" for no day. */
function Retires({ id, value = "", onChange }: RetiresProps) {
  return (
    <Suspense fallback={<Skeleton.Input block />}>
      <DayPicker
        {...(id !== undefined && { id })}
        value={value === "" ? null : value}
        onChange={(day) => onChange?.(day ?? "")}
      />
    </Suspense>
  );
}
