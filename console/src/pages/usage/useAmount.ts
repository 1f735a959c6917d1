/** Writes a receipt's amounts in its unit: with the digits of a rate, with all there are, with the nine that are kept. */
import { useTranslation } from "react-i18next";

import { useFormat } from "@/format";

interface Amounts {
  rate: (amount: string) => string;
  /** Every digit that a product has, nine at least. */
  all: (amount: string) => string;
  exact: (amount: string) => string;
}

export function useAmount(unit: string): Amounts {
  const { t } = useTranslation("usage");
  const format = useFormat();
  if (unit === "credits") {
    const credits = (amount: string) => t("credits", { number: format.count(amount) });
    return { rate: credits, all: credits, exact: credits };
  }
  return {
    rate: (amount) => format.rate(amount, unit),
    all: (amount) => format.exactMoney(amount, unit),
    exact: (amount) => format.exactMoney(amount, unit),
  };
}
