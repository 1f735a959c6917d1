/** What a model costs in money and in the credits of Token Plans. */
import { Card, Form, Input, Switch } from "antd";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { symbol } from "@/format/money";

import { CREDITS, CURRENCIES, RATES } from "./values";

const AMOUNT = /^\s*\d{1,9}(\.\d{1,9})?\s*$/;
/** What has to be given; the rest follows from it. */
const NEEDED = new Set<string>(["input", "output"]);

export function PriceFields() {
  const { t } = useTranslation("opModels");
  return (
    <>
      <p className="tm-quiet" style={{ marginTop: 0 }}>
        {t("priceAbout")}
      </p>
      <div className="tm-grid">
        {CURRENCIES.map((currency) => (
          <Sold key={currency} path={["price", currency]} title={t("soldIn", { currency })}>
            {RATES.map((rate) => (
              <Amount
                key={rate}
                path={["price", currency, rate]}
                label={t(`rate.${rate}`)}
                unit={symbol(currency)}
                needed={NEEDED.has(rate)}
                placeholder={t(rate === "web_search" ? "notSold" : "asInput")}
              />
            ))}
          </Sold>
        ))}
        <Sold path={["credits"]} title={t("inPlans")}>
          {CREDITS.map((rate) => (
            <Amount key={rate} path={["credits", rate]} label={t(`credit.${rate}`)} unit="C" needed placeholder="" />
          ))}
        </Sold>
      </div>
    </>
  );
}

interface SoldProps {
  path: string[];
  title: string;
  children: ReactNode;
}

function Sold({ path, title, children }: SoldProps) {
  const on = Form.useWatch<boolean | undefined>([...path, "on"]);
  return (
    <Card
      size="small"
      title={title}
      extra={
        <Form.Item name={[...path, "on"]} valuePropName="checked" noStyle>
          <Switch aria-label={title} />
        </Form.Item>
      }
    >
      {on === true ? children : <NotSold />}
    </Card>
  );
}

function NotSold() {
  const { t } = useTranslation("opModels");
  return <span className="tm-quiet">{t("notForSale")}</span>;
}

interface AmountProps {
  path: string[];
  label: string;
  unit: string;
  needed: boolean;
  placeholder: string;
}

function Amount({ path, label, unit, needed, placeholder }: AmountProps) {
  const { t } = useTranslation("opModels");
  return (
    <Form.Item
      name={path}
      label={label}
      rules={[{ required: needed, pattern: AMOUNT, message: t("wrong.amount") }]}
      style={{ marginBottom: 12 }}
    >
      <Input
        inputMode="decimal"
        autoComplete="off"
        prefix={<span aria-hidden="true">{unit}</span>}
        placeholder={needed ? "" : placeholder}
      />
    </Form.Item>
  );
}
