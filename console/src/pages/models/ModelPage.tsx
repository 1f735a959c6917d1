import { useTranslation } from "react-i18next";

import { Page } from "@/parts/Page";

export default function ModelPage() {
  const { t } = useTranslation("models");
  return <Page title={t("title")}>{null}</Page>;
}
