/** Plans that the account has had. */
import { useTranslation } from "react-i18next";

import type { Plan } from "@/api/queries/plan";
import { DataTable } from "@/parts/DataTable";
import { When } from "@/parts/When";

export function History({ past }: { past: Plan["history"] }) {
  const { t } = useTranslation("plan");
  return (
    <section>
      <h2>{t("history")}</h2>
      <DataTable
        label={t("history")}
        rows={past}
        rowKey={(each) => each.id}
        columns={[
          { key: "plan", title: t("tier"), heading: true, render: (each) => each.plan_id },
          { key: "period", title: t("periodTitle"), render: (each) => t(`period.${each.period}`) },
          { key: "starts", title: t("from"), render: (each) => <When at={each.starts_at} /> },
          { key: "ends", title: t("until"), render: (each) => <When at={each.ends_at} /> },
        ]}
      />
    </section>
  );
}
