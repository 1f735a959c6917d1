import { useTranslation } from "react-i18next";

import { Page } from "@/parts/Page";

export default function Whole() {
  const { t } = useTranslation("opLimits");
  return <Page title={t("title")}>{null}</Page>;
}
