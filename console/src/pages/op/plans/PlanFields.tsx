/** The fields of a tier. */
import { Form, Input, InputNumber, Select, Switch } from "antd";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { modelsQuery } from "@/api/queries/models";
import { AMOUNT, AmountInput } from "@/parts/AmountInput";

import { OffPeakFields } from "./OffPeakFields";
import { CREDITS } from "./patterns";
import { CURRENCIES } from "./terms";
import { WindowFields } from "./WindowFields";

interface Props {
  isNew: boolean;
  taken: readonly string[];
}

export function PlanFields({ isNew, taken }: Props) {
  const { t } = useTranslation("opPlans");
  return (
    <>
      <Part title={t("part.names")}>
        {isNew && <IdField taken={taken} />}
        {(["en", "zh"] as const).map((language) => (
          <Form.Item
            key={language}
            name={["name", language]}
            label={t(language === "en" ? "field.nameEn" : "field.nameZh")}
            rules={[{ required: true, whitespace: true, max: 100, message: t("field.nameWrong") }]}
          >
            <Input autoComplete="off" maxLength={100} />
          </Form.Item>
        ))}
        <Form.Item name="rank" label={t("field.rank")} extra={t("field.rankHint")} rules={[{ required: true, message: t("field.needed") }]}>
          <InputNumber precision={0} style={{ width: "100%" }} />
        </Form.Item>
        <Form.Item name="position" label={t("field.position")} extra={t("field.positionHint")}>
          <InputNumber min={0} precision={0} style={{ width: "100%" }} />
        </Form.Item>
      </Part>
      <Part title={t("part.prices")} about={t("field.priceHint")}>
        {CURRENCIES.flatMap((currency) =>
          (["month", "year"] as const).map((period) => (
            <Form.Item
              key={currency + period}
              name={["prices", currency, period]}
              label={t(`field.${period}`, { currency })}
              rules={[{ pattern: AMOUNT, message: t("field.priceWrong") }]}
            >
              <AmountInput currency={currency} />
            </Form.Item>
          )),
        )}
      </Part>
      <Part title={t("part.credits")}>
        <Form.Item name="credits" label={t("field.credits")} rules={[{ required: true, pattern: CREDITS, message: t("field.creditsWrong") }]}>
          <Input inputMode="decimal" autoComplete="off" />
        </Form.Item>
        <Form.Item name="most_seats" label={t("field.seats")} rules={[{ required: true, message: t("field.needed") }]}>
          <InputNumber min={1} max={10_000} precision={0} style={{ width: "100%" }} />
        </Form.Item>
        <Form.Item name="first_purchase" label={t("field.first")} rules={[{ required: true, message: t("field.needed") }]}>
          <InputNumber min={0} max={100} precision={1} style={{ width: "100%" }} />
        </Form.Item>
      </Part>
      <WindowFields />
      <OffPeakFields />
      <Part title={t("part.terms")}>
        <Models />
        <Form.Item name="web_search" label={t("field.search")} valuePropName="checked">
          <Switch aria-label={t("field.search")} />
        </Form.Item>
      </Part>
    </>
  );
}

function Part({ title, about, children }: { title: string; about?: string; children: ReactNode }) {
  return (
    <fieldset className="tm-fields">
      <legend>
        {title}
        {about !== undefined && <span className="tm-second">{about}</span>}
      </legend>
      {children}
    </fieldset>
  );
}

function IdField({ taken }: { taken: readonly string[] }) {
  const { t } = useTranslation("opPlans");
  return (
    <Form.Item
      name="id"
      label={t("field.id")}
      extra={t("field.idHint")}
      rules={[
        { required: true, pattern: /^[a-z0-9][a-z0-9-]{0,63}$/, message: t("field.idWrong") },
        {
          validator: (_, typed) =>
            taken.includes(typed as string) ? Promise.reject(new Error(t("field.idTaken"))) : Promise.resolve(),
        },
      ]}
    >
      <Input autoComplete="off" />
    </Form.Item>
  );
}

function Models() {
  const { t } = useTranslation("opPlans");
  const { data: models } = useQuery(modelsQuery);
  return (
    <Form.Item name="models" label={t("field.models")} style={{ gridColumn: "1 / -1" }}>
      <Select
        mode="multiple"
        allowClear
        placeholder={t("field.modelsAll")}
        options={(models ?? []).map(({ id }) => ({ value: id, label: id }))}
      />
    </Form.Item>
  );
}
