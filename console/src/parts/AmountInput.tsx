/** A field for an amount of money, as a decimal string. */
import { Input, type InputProps } from "antd";

import { symbol } from "@/format/money";

/** What an amount may look like; a rule of a form adds what it has to be. */
export const AMOUNT = /^\s*\d{1,9}(\.\d{1,9})?\s*$/;

export function AmountInput({ currency, ...input }: InputProps & { currency: string }) {
  return <Input {...input} inputMode="decimal" autoComplete="off" prefix={<span aria-hidden="true">{symbol(currency)}</span>} />;
}
