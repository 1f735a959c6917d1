/** Writes what a model costs one account: in its currency, in Credits, or both. */
import { useQuery } from "@tanstack/react-query";
import { App, Form, Input, Select } from "antd";
import { useTranslation } from "react-i18next";

import { setSpecialPrice, type SpecialPrice } from "@/api/queries/accountMoney";
import type { AccountDetail } from "@/api/queries/accounts";
import { modelsQuery } from "@/api/queries/models";
import { AMOUNT, AmountInput } from "@/parts/AmountInput";
import { FormDialog } from "@/parts/FormDialog";

import { askedOf, CREDITS, MONEY, NEEDED, valuesOf, type PriceValues } from "./prices";

interface Props {
  account: AccountDetail;
  /** Null: a new one. */
  edited: SpecialPrice | null;
  onClose: () => void;
}

export function PriceDialog({ account, edited, onClose }: Props) {
  const { t } = useTranslation(["opAccounts", "common"]);
  const { message } = App.useApp();
  const { data: models } = useQuery(modelsQuery);
  return (
    <FormDialog<PriceValues>
      title={edited === null ? t("terms.addTitle") : t("terms.editTitle", { model: edited.model })}
      act={t("common:action.save")}
      width={640}
      initial={edited === null ? {} : valuesOf(edited, account.currency)}
      words={{ bad_value: t("terms.nothing") }}
      onClose={onClose}
      send={async (values) => {
        await setSpecialPrice(account.id, values.model, askedOf(values));
        void message.success(t("common:saved"));
        onClose();
      }}
    >
      {edited === null ? (
        <Form.Item name="model" label={t("terms.model")} rules={[{ required: true }]}>
          <Select showSearch autoFocus options={(models ?? []).map(({ id }) => ({ value: id, label: id }))} />
        </Form.Item>
      ) : (
        <Form.Item name="model" hidden>
          <Input />
        </Form.Item>
      )}
      <fieldset className="tm-fields">
        <legend>{t("terms.money")}</legend>
        {MONEY.map((name) => (
          <Rate key={name} group="money" name={name} currency={account.currency} />
        ))}
      </fieldset>
      <fieldset className="tm-fields">
        <legend>{t("terms.credits")}</legend>
        {CREDITS.map((name) => (
          <Rate key={name} group="credits" name={name} />
        ))}
      </fieldset>
    </FormDialog>
  );
}

type Name = (typeof MONEY)[number] | (typeof CREDITS)[number];

interface RateProps {
  group: "money" | "credits";
  name: Name;
  currency?: string;
}

const WORDS = {
  input: "input",
  output: "output",
  cached_input: "cached",
  written_input: "written",
  web_search: "webSearch",
} as const satisfies Record<Name, string>;

function Rate({ group, name, currency }: RateProps) {
  const { t } = useTranslation("opAccounts");
  const needed = NEEDED[group].includes(name);
  const placeholder = needed ? undefined : t(name === "web_search" ? "terms.notSold" : "terms.asInput");
  const names = group === "money" ? MONEY : CREDITS;
  return (
    <Form.Item
      name={[group, name]}
      label={t(`terms.${WORDS[name]}`)}
      dependencies={names.map((other) => [group, other])}
      rules={[
        { pattern: AMOUNT, message: t("terms.wrongRate") },
        ({ getFieldValue }) => ({
          validator: (_, typed) => {
            const some = names.some((other) => filled(getFieldValue([group, other])));
            return needed && some && !filled(typed) ? Promise.reject(new Error(t("terms.need"))) : Promise.resolve();
          },
        }),
      ]}
    >
      {currency === undefined ? (
        <Input inputMode="decimal" autoComplete="off" placeholder={placeholder} />
      ) : (
        <AmountInput currency={currency} placeholder={placeholder} />
      )}
    </Form.Item>
  );
}

const filled = (typed: unknown): boolean => typeof typed === "string" && typed.trim() !== "";
