/** What is blocked and flagged, by which rules, whether that is right, and what would come of a text. */
import { useQuery } from "@tanstack/react-query";
import { Alert, Flex, Tabs } from "antd";
import { useTranslation } from "react-i18next";

import { policiesQuery, type Policies } from "@/api/queries/moderation";
import { Loaded } from "@/parts/Loaded";
import { Page } from "@/parts/Page";
import { useFilters } from "@/parts/useFilters";
import "@/style/operator.css";

import { Lists } from "./Lists";
import { PolicyTable } from "./PolicyTable";
import { TestBox } from "./TestBox";
import { Verdicts } from "./Verdicts";

const TABS = ["policies", "test", "verdicts", "lists"] as const;

export default function Moderation() {
  const { t } = useTranslation("opModeration");
  const query = useQuery(policiesQuery);
  const { values, put } = useFilters(["tab"]);
  const shown = TABS.find((tab) => tab === values.tab) ?? "policies";
  return (
    <Page title={t("title")} about={t("about")}>
      <Loaded query={query} rows={8}>
        {(policies) => (
          <Flex vertical gap={16}>
            <Standing policies={policies} />
            <Tabs
              className="tm-tabs"
              activeKey={shown}
              onChange={(key) => put("tab", key === "policies" ? "" : key)}
              destroyOnHidden
              items={TABS.map((key) => ({ key, label: t(`tab.${key}`), children: <Pane tab={key} policies={policies} /> }))}
            />
          </Flex>
        )}
      </Loaded>
    </Page>
  );
}

function Pane({ tab, policies }: { tab: (typeof TABS)[number]; policies: Policies }) {
  switch (tab) {
    case "policies":
      return <PolicyTable policies={policies} />;
    case "test":
      return <TestBox policies={policies} />;
    case "verdicts":
      return <Verdicts categories={policies.categories} />;
    case "lists":
      return <Lists categories={policies.categories} />;
  }
}

/** Off is said in words. */
function Standing({ policies }: { policies: Policies }) {
  const { t } = useTranslation("opModeration");
  const looks = [policies.default, ...policies.data].some(
    (each) => each.input !== "off" || each.output !== "off" || Object.values(each.categories).some((action) => action !== "off"),
  );
  return (
    <Alert
      type={looks ? "success" : "info"}
      showIcon
      title={t(looks ? "on" : "off")}
      description={policies.classifier === null ? t("noClassifier") : t("classifier", { name: policies.classifier })}
    />
  );
}
