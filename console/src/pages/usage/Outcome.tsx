/** How an exchange ended: a dot and its word. */
import { useTranslation } from "react-i18next";

import type { Exchange } from "@/api/queries/usage";
import { StatusDot } from "@/parts/StatusDot";

export function Outcome({ of: { status, http_status: http } }: { of: Pick<Exchange, "status" | "http_status"> }) {
  const { t } = useTranslation("usage");
  if (status === "answered") return <StatusDot status="success" text={t("status.answered")} />;
  if (status === "cancelled") return <StatusDot status="default" text={t("status.cancelled")} />;
  return <StatusDot status="error" text={`${t("status.failed")} · ${String(http)}`} />;
}
