/** Every setting in force, and where it comes from. */
import { Alert, Flex, Tag } from "antd";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";

import { nodesQuery, settingsQuery, type Node, type Setting } from "@/api/queries/platform";
import { DataTable } from "@/parts/DataTable";
import { Empty } from "@/parts/Empty";
import { FilterText } from "@/parts/FilterText";
import { Loaded } from "@/parts/Loaded";
import { Page } from "@/parts/Page";
import { StatusDot } from "@/parts/StatusDot";
import { useFilters } from "@/parts/useFilters";
import { When } from "@/parts/When";

export default function Settings() {
  const { t } = useTranslation("opSettings");
  const query = useQuery(settingsQuery);
  const nodes = useQuery(nodesQuery);
  return (
    <Page title={t("title")} about={t("about")}>
      <Flex vertical gap={24}>
        <Loaded query={query} rows={10}>
          {(settings) => <List settings={settings} />}
        </Loaded>
        <section>
          <h2>{t("nodes")}</h2>
          <Loaded query={nodes}>{(rows) => <Nodes nodes={rows} />}</Loaded>
        </section>
      </Flex>
    </Page>
  );
}

function List({ settings }: { settings: readonly Setting[] }) {
  const { t } = useTranslation(["opSettings", "common"]);
  const { values, put } = useFilters(["q"]);
  const wanted = values.q.toLowerCase();
  const shown = settings.filter((each) => `${each.section}.${each.key}`.includes(wanted));
  return (
    <Flex vertical gap={12}>
      <Alert type="info" showIcon title={t("readOnly")} />
      <FilterText label={t("common:action.search")} value={values.q} onChange={(value) => put("q", value)} />
      <DataTable
        label={t("title")}
        rows={shown}
        rowKey={(each) => `${each.section}.${each.key}`}
        empty={<Empty title={t("noMatch")} />}
        columns={[
          {
            key: "name",
            title: t("setting"),
            heading: true,
            render: (each) => (
              <code className="tm-mono">
                [{each.section}] {each.key}
              </code>
            ),
          },
          { key: "value", title: t("value"), render: (each) => <code className="tm-mono">{shownValue(each.value)}</code> },
          { key: "source", title: t("source"), render: (each) => <Source source={each.source} /> },
          {
            key: "variable",
            title: t("variable"),
            render: (each) => (
              <code className="tm-mono">{`TOKENMILL__${each.section}__${each.key}`.toUpperCase()}</code>
            ),
          },
        ]}
      />
    </Flex>
  );
}

function Source({ source }: { source: Setting["source"] }) {
  const { t } = useTranslation("opSettings");
  return (
    <Tag variant="outlined" {...(source !== "default" && { color: "processing" })}>
      {t(`sources.${source}`)}
    </Tag>
  );
}

function Nodes({ nodes }: { nodes: readonly Node[] }) {
  const { t } = useTranslation("opSettings");
  return (
    <DataTable
      label={t("nodes")}
      rows={nodes}
      rowKey={(node) => node.id}
      columns={[
        { key: "name", title: t("node"), heading: true, render: (node) => <code className="tm-mono">{node.name}</code> },
        {
          key: "state",
          title: t("state"),
          render: (node) => (
            <StatusDot
              status={node.alive ? "success" : node.ended_at === null ? "error" : "default"}
              text={t(node.alive ? "alive" : node.ended_at === null ? "lost" : "ended")}
            />
          ),
        },
        { key: "started", title: t("started"), render: (node) => <When at={node.started_at} /> },
        { key: "renewed", title: t("renewed"), render: (node) => <When at={node.renewed_at} relative /> },
      ]}
    />
  );
}

function shownValue(value: unknown): string {
  if (value === null || value === "") return "–";
  return typeof value === "string" ? value : JSON.stringify(value);
}
