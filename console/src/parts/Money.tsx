/** An amount of money; all of its digits are in its title. */
import { useFormat } from "@/format";

export function Money({ amount, currency }: { amount: string; currency: string }) {
  const format = useFormat();
  return <span title={format.exactMoney(amount, currency)}>{format.money(amount, currency)}</span>;
}
