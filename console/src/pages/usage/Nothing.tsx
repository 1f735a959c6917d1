/** What stands in place of chart and tables when nothing was used: a wider range, or a first request. */
import { Button, Flex } from "antd";
import { useTranslation } from "react-i18next";

import { Empty } from "@/parts/Empty";
import { LinkButton } from "@/parts/LinkButton";

import { FILTERS, type useView, type View } from "./useView";

export function Nothing({ view, put }: { view: View; put: ReturnType<typeof useView>[1] }) {
  const { t } = useTranslation(["usage", "common"]);
  const filtered = FILTERS.some((name) => view.only[name] !== undefined) || view.purse !== "both" || view.status !== "all";
  return (
    <Empty title={t("none")}>
      <Flex gap={8} wrap justify="center">
        {filtered && (
          <Button onClick={() => put({ model: null, key: null, tool: null, purse: null, status: null })}>{t("common:action.clearFilters")}</Button>
        )}
        {view.range !== "days30" && <Button onClick={() => put({ range: "days30", from: null, to: null })}>{t("widen")}</Button>}
        <LinkButton to="/playground" type="primary">
          {t("tryIt")}
        </LinkButton>
      </Flex>
    </Empty>
  );
}
