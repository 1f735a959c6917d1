/** What lists and the page of an account show of it. */
import { Tag } from "antd";
import { useTranslation } from "react-i18next";

import type { AccountRow } from "@/api/queries/accounts";
import { isZero, parseDecimal, useFormat } from "@/format";
import { Money } from "@/parts/Money";
import { StatusDot, type Status } from "@/parts/StatusDot";

export function State({ of: { deleted_at: deleted, disabled_at: disabled } }: { of: AccountRow }) {
  const { t } = useTranslation();
  const [status, word]: [Status, "deleted" | "suspended" | "active"] =
    deleted !== null ? ["default", "deleted"] : disabled !== null ? ["error", "suspended"] : ["success", "active"];
  return <StatusDot status={status} text={t(`state.${word}`)} />;
}

export function RoleName({ role }: { role: AccountRow["role"] }) {
  const { t } = useTranslation();
  return role === "operator" ? <Tag color="processing">{t("role.operator")}</Tag> : <>{t("role.developer")}</>;
}

export function Recent({ of: { recent, currency } }: { of: AccountRow }) {
  const { t } = useTranslation("opAccounts");
  const format = useFormat();
  if (recent.requests === 0) return <span className="tm-quiet">–</span>;
  return (
    <span>
      <Money amount={recent.cost} currency={currency} />
      {!isZero(parseDecimal(recent.credits)) && (
        <span className="tm-second">{t("credits", { number: format.compact(recent.credits) })}</span>
      )}
      <span className="tm-second">{t("requests", { count: recent.requests, number: format.count(recent.requests) })}</span>
    </span>
  );
}
