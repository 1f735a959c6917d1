import { useTranslation } from "react-i18next";

import { Page } from "@/parts/Page";

export default function TargetPage() {
  const { t } = useTranslation("opTargets");
  return <Page title={t("title")}>{null}</Page>;
}
