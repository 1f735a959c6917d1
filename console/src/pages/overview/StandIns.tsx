/** Says which models something else answers for, by its real name. */
import { useQuery } from "@tanstack/react-query";
import { Alert } from "antd";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { firstStepsQuery } from "@/api/queries/overview";
import { useMe } from "@/api/session";

export function StandIns() {
  const { t } = useTranslation("overview");
  const { role } = useMe();
  const { data } = useQuery(firstStepsQuery);
  return data?.stand_ins.map(({ name, models }) => (
    <Alert
      key={name}
      type="success"
      showIcon
      title={t("standIn.title", { name, models: models.join(t("standIn.between")) })}
      description={
        <>
          {t("standIn.what")} {role === "operator" && <Link to="/op/targets">{t("standIn.operator")}</Link>}
        </>
      }
    />
  ));
}
