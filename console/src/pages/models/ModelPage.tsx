/** One model: its limits, prices, recommended sampling, and how it is called. */
import { Card, Descriptions, Flex, Tabs } from "antd";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Link, useParams } from "react-router";

import { modelQuery, type Model } from "@/api/queries/models";
import { firstStepsQuery } from "@/api/queries/overview";
import { useFormat } from "@/format";
import { Code } from "@/parts/Code";
import { CopyButton } from "@/parts/CopyButton";
import { DataTable } from "@/parts/DataTable";
import { LinkButton } from "@/parts/LinkButton";
import { Loaded } from "@/parts/Loaded";
import { Page } from "@/parts/Page";

import { examples } from "./examples";
import { ModelTags, Retiring } from "./ModelTags";
import { Prices } from "./Prices";

export default function ModelPage() {
  const { t } = useTranslation("models");
  const id = useParams()["*"] ?? "";
  const query = useQuery(modelQuery(id));
  return (
    <Page
      title={query.data?.id ?? id}
      about={<Link to="/models">{t("title")}</Link>}
      actions={
        <>
          <CopyButton value={query.data?.id ?? id} label={id} withText />
          <LinkButton type="primary" to={`/playground?model=${encodeURIComponent(id)}`}>
            {t("tryInPlayground")}
          </LinkButton>
        </>
      }
    >
      <Loaded query={query} rows={8}>
        {(model) => (
          <Flex vertical gap={16}>
            <Flex gap={8} wrap align="center">
              <ModelTags model={model} />
              <Retiring model={model} />
            </Flex>
            <div className="tm-grid">
              <Card title={t("limits")}>
                <Limits model={model} />
              </Card>
              <Card title={t("prices")}>
                <Prices model={model} />
              </Card>
            </div>
            <Card title={t("sampling")}>
              <Sampling model={model} />
            </Card>
            <Card title={t("call")}>
              <Calls model={model} />
            </Card>
          </Flex>
        )}
      </Loaded>
    </Page>
  );
}

function Limits({ model }: { model: Model }) {
  const { t } = useTranslation(["models", "common"]);
  const format = useFormat();
  const limit = (value: number | null) => (value === null ? t("unlimited") : format.count(value));
  return (
    <Descriptions
      column={1}
      size="small"
      bordered
      items={[
        { key: "window", label: t("window"), children: format.count(model.context_window) },
        { key: "output", label: t("maxOutput"), children: format.count(model.max_output_tokens) },
        { key: "rpm", label: t("rpm"), children: limit(model.rpm) },
        { key: "tpm", label: t("tpm"), children: limit(model.tpm) },
        { key: "thinking", label: t("ability.thinking"), children: t(`thinking.${thinkingOf(model)}`) },
        { key: "aliases", label: t("aliases"), children: model.aliases.join(", ") || t("common:state.none") },
      ]}
    />
  );
}

function Sampling({ model }: { model: Model }) {
  const { t } = useTranslation("models");
  const { sampling } = model;
  const rows = [
    { task: "usual" as const, draw: sampling },
    ...(sampling.tools === null ? [] : [{ task: "tools" as const, draw: sampling.tools }]),
    ...(sampling.thinking === null ? [] : [{ task: "thinking" as const, draw: sampling.thinking }]),
  ];
  return (
    <>
      <p style={{ marginTop: 0 }}>{t("samplingAbout")}</p>
      <DataTable
        label={t("sampling")}
        rows={rows}
        rowKey={(row) => row.task}
        columns={[
          { key: "task", title: t("task"), heading: true, render: (row) => t(`tasks.${row.task}`) },
          { key: "temperature", title: "temperature", align: "end", render: (row) => row.draw.temperature },
          { key: "top_p", title: "top_p", align: "end", render: (row) => row.draw.top_p },
        ]}
      />
    </>
  );
}

function Calls({ model }: { model: Model }) {
  const { data } = useQuery(firstStepsQuery);
  if (data === undefined) return null;
  return (
    <Tabs
      items={examples(model.id, data.base_urls).map((example) => ({
        key: example.name,
        label: example.name,
        children: <Code code={example.code} language={example.language} label={example.name} />,
      }))}
    />
  );
}

function thinkingOf(model: Model): "on" | "off" | "never" {
  return model.thinking === "on" || model.thinking === "off" ? model.thinking : "never";
}
