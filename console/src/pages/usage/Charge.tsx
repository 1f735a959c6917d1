/** What an exchange was charged, in the unit of whoever paid: money, credits, or nothing. */
import { useTranslation } from "react-i18next";

import type { Exchange } from "@/api/queries/usage";
import { addDecimals, negate, useFormat } from "@/format";
import { Money } from "@/parts/Money";

export function Charge({ of: receipt }: { of: Exchange["receipt"] }) {
  const { t } = useTranslation("usage");
  const format = useFormat();
  if (receipt === null) return <span className="tm-quiet">{t("free")}</span>;
  const charged = addDecimals(receipt.cost, negate(receipt.shortfall));
  if (receipt.unit === "credits") return <span>{t("credits", { number: format.count(charged) })}</span>;
  return <Money amount={charged} currency={receipt.unit} />;
}
