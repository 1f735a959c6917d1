/** The fields of a key: its name, its end, and, folded, its limits. */
import { Collapse, Flex, Form, Input, InputNumber, Segmented, Select, Skeleton } from "antd";
import { useQuery } from "@tanstack/react-query";
import { Suspense } from "react";
import { useTranslation } from "react-i18next";

import { modelsQuery } from "@/api/queries/models";
import { useMe } from "@/api/session";
import { useFormat } from "@/format";
import { symbol } from "@/format/money";
import { late } from "@/latecomers";
import { usePreferences } from "@/preferences";

import { endOfDay, type Expiry } from "./values";

const DayPicker = late(() => import("@/parts/DayPicker"));

interface Props {
  expiries: readonly Expiry[];
  /** Limits stand open, as where some are set. */
  open: boolean;
  /** Below the field of the cap. */
  spent?: string | undefined;
  autoFocus?: boolean;
}

export function KeyFields({ expiries, open, spent, autoFocus = false }: Props) {
  const { t } = useTranslation("keys");
  return (
    <>
      <Form.Item
        name="name"
        label={t("field.name")}
        extra={t("field.nameHint")}
        rules={[
          { required: true, whitespace: true, message: t("wrong.name") },
          { max: 100, message: t("field.nameTooLong") },
        ]}
      >
        <Input autoFocus={autoFocus} autoComplete="off" />
      </Form.Item>
      <Form.Item name="expiry" label={t("field.expiry")}>
        <Segmented
          aria-label={t("field.expiry")}
          className="tm-wraps"
          options={expiries.map((value) => ({ value, label: t(`expiry.${value}`) }))}
        />
      </Form.Item>
      <LastDay />
      <Collapse
        size="small"
        defaultActiveKey={open ? ["limits"] : []}
        items={[{ key: "limits", label: t("field.limits"), forceRender: true, children: <Limits spent={spent} /> }]}
      />
    </>
  );
}

function LastDay() {
  const { t } = useTranslation("keys");
  const format = useFormat();
  const { zone } = usePreferences();
  const form = Form.useFormInstance();
  const expiry = Form.useWatch<Expiry | undefined>("expiry", form);
  const day = Form.useWatch<string | null | undefined>("day", form);
  if (expiry !== "date") return null;
  const time = day == null ? undefined : `${format.dateTime(endOfDay(day, zone))} (${format.zone})`;
  return (
    <Suspense fallback={<Skeleton.Input block />}>
      <Form.Item
        name="day"
        label={t("field.expiryDate")}
        extra={time === undefined ? undefined : t("field.expiryWhen", { time })}
        rules={[{ required: true, message: t("wrong.expires_at") }]}
      >
        <DayPicker />
      </Form.Item>
    </Suspense>
  );
}

function Limits({ spent }: { spent: string | undefined }) {
  const { t } = useTranslation("keys");
  const { currency } = useMe();
  const format = useFormat();
  const { data: models } = useQuery(modelsQuery);
  return (
    <>
      <Form.Item name="models" label={t("field.models")}>
        <Select
          mode="multiple"
          allowClear
          placeholder={t("field.modelsAll")}
          options={(models ?? []).map(({ id }) => ({ value: id, label: id }))}
        />
      </Form.Item>
      <Form.Item
        name="cap"
        label={t("field.cap")}
        extra={
          <>
            {t("field.capHint")}
            {spent !== undefined && ` ${t("field.capBelow", { spent: format.money(spent, currency) })}`}
          </>
        }
        rules={[{ pattern: /^\s*\d{1,9}(\.\d{1,9})?\s*$/, message: t("wrong.cap") }]}
      >
        <Input inputMode="decimal" autoComplete="off" prefix={<span aria-hidden="true">{symbol(currency)}</span>} />
      </Form.Item>
      <Form.Item name="addresses" label={t("field.addresses")} extra={t("field.addressesHint")}>
        <Select mode="tags" open={false} suffixIcon={null} tokenSeparators={[" ", ",", "，"]} placeholder={t("field.addressesAny")} />
      </Form.Item>
      <Flex gap={12} wrap>
        {(["rpm", "tpm", "concurrency"] as const).map((name) => (
          <Form.Item key={name} name={name} label={t(`field.${name}`)} style={{ flex: "1 1 140px", marginBottom: 0 }}>
            <InputNumber min={1} precision={0} placeholder={t("field.asAccount")} style={{ width: "100%" }} />
          </Form.Item>
        ))}
      </Flex>
    </>
  );
}
