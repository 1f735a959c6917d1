import { useTranslation } from "react-i18next";

import { Page } from "@/parts/Page";

export default function Invite() {
  const { t } = useTranslation("entry");
  return <Page title={t("title")}>{null}</Page>;
}
