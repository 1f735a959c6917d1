/** Makes a batch of codes, and shows them for the only time, to be copied or saved. */
import { Button, Form, InputNumber, Segmented } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { makeBatch, type BatchAsked, type BatchMade } from "@/api/queries/codes";
import { useMe } from "@/api/session";
import { compareDecimals, useFormat } from "@/format";
import { AMOUNT, AmountInput } from "@/parts/AmountInput";
import { FormDialog } from "@/parts/FormDialog";
import { saveFile } from "@/parts/saving";
import { SecretOnce } from "@/parts/SecretOnce";

import { expiresAt, EXPIRIES, sheetOf, timesDecimal, type Expiry } from "./batches";

interface Values {
  amount: string;
  currency: BatchAsked["currency"];
  count: number;
  expiry: Expiry;
}

interface Props {
  onClose: () => void;
  onMade: (batch: string) => void;
}

export function NewBatch({ onClose, onMade }: Props) {
  const { t } = useTranslation("opCodes");
  const { currency } = useMe();
  const [made, setMade] = useState<{ asked: BatchAsked; batch: BatchMade } | null>(null);
  if (made !== null) return <Shown {...made} onDone={() => onMade(made.batch.batch)} />;
  return (
    <FormDialog<Values>
      title={t("make.title")}
      act={t("make.act")}
      initial={{ currency: currency === "CNY" ? "CNY" : "USD", count: 10, expiry: "none" }}
      words={{ bad_value: t("make.wrongAmount") }}
      onClose={onClose}
      send={async ({ amount, currency: unit, count, expiry }) => {
        const asked = { amount: amount.trim(), currency: unit, count, expires_at: expiresAt(expiry, new Date()) };
        setMade({ asked, batch: await makeBatch(asked) });
      }}
    >
      <Fields />
    </FormDialog>
  );
}

const isAmount = (typed: unknown): typed is string =>
  typeof typed === "string" && AMOUNT.test(typed) && compareDecimals(typed.trim(), "0") > 0;

function Fields() {
  const { t } = useTranslation("opCodes");
  const format = useFormat();
  const form = Form.useFormInstance<Values>();
  const [amount, currency, count] = [
    Form.useWatch("amount", form),
    Form.useWatch("currency", form),
    Form.useWatch("count", form) as number | null | undefined,
  ];
  const sum =
    isAmount(amount) && typeof count === "number"
      ? t("make.sum", {
          count: format.count(count),
          amount: format.money(amount.trim(), currency),
          sum: format.money(timesDecimal(amount.trim(), count), currency),
        })
      : null;
  return (
    <>
      <Form.Item
        name="amount"
        label={t("make.amount")}
        extra={sum}
        rules={[{ validator: (_, typed) => (isAmount(typed) ? Promise.resolve() : Promise.reject(new Error(t("make.wrongAmount")))) }]}
      >
        <AmountInput currency={currency} autoFocus />
      </Form.Item>
      <Form.Item name="currency" label={t("make.currency")}>
        <Segmented aria-label={t("make.currency")} options={["USD", "CNY"]} />
      </Form.Item>
      <Form.Item name="count" label={t("make.count")} extra={t("make.countHint")} rules={[{ required: true }]}>
        <InputNumber min={1} max={10_000} precision={0} style={{ width: 160 }} />
      </Form.Item>
      <Form.Item name="expiry" label={t("make.expiry")} style={{ marginBottom: 0 }}>
        <Segmented
          aria-label={t("make.expiry")}
          className="tm-wraps"
          options={EXPIRIES.map((value) => ({ value, label: t(`make.in.${value}`) }))}
        />
      </Form.Item>
    </>
  );
}

interface ShownProps {
  asked: BatchAsked;
  batch: BatchMade;
  onDone: () => void;
}

function Shown({ asked, batch: { batch, codes }, onDone }: ShownProps) {
  const { t } = useTranslation("opCodes");
  const format = useFormat();
  return (
    <SecretOnce
      title={t("shown.title", { count: codes.length, number: format.count(codes.length) })}
      secret={codes.join("\n")}
      words={{ once: t("shown.once"), value: t("shown.value") }}
      onDone={onDone}
    >
      <div>
        <Button onClick={() => saveFile(new Blob([sheetOf(asked, codes)], { type: "text/csv" }), `${batch}.csv`)}>
          {t("shown.file")}
        </Button>
      </div>
    </SecretOnce>
  );
}
