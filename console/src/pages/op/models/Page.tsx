/** What is sold, at what price, and by which targets it is served. */
import { PlusOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { Card, Flex } from "antd";
import { useTranslation } from "react-i18next";
import { Link, useNavigate } from "react-router";

import { modelEntriesQuery, type ModelEntry, type Price } from "@/api/queries/catalogue";
import { useFormat } from "@/format";
import { DataTable } from "@/parts/DataTable";
import { Empty } from "@/parts/Empty";
import { FilterText } from "@/parts/FilterText";
import { LinkButton } from "@/parts/LinkButton";
import { Loaded } from "@/parts/Loaded";
import { Page } from "@/parts/Page";
import { StatusDot } from "@/parts/StatusDot";
import { useFilters } from "@/parts/useFilters";
import { When } from "@/parts/When";

import { ModelEditor } from "./ModelEditor";

export default function Models() {
  const { t } = useTranslation(["opModels", "common"]);
  const query = useQuery(modelEntriesQuery);
  const { values } = useFilters(["new", "target"]);
  if (values.new !== "") return <NewModel target={values.target} />;
  return (
    <Page
      title={t("title")}
      about={t("about")}
      actions={
        <LinkButton type="primary" icon={<PlusOutlined aria-hidden />} to="/op/models?new=1">
          {t("add")}
        </LinkButton>
      }
    >
      <Loaded query={query} rows={8}>
        {(models) => <List models={models} />}
      </Loaded>
    </Page>
  );
}

function NewModel({ target }: { target: string }) {
  const { t } = useTranslation("opModels");
  const navigate = useNavigate();
  const { data } = useQuery(modelEntriesQuery);
  const taken = (data ?? []).flatMap((model) => [model.id, ...model.aliases]);
  return (
    <Page title={t("add")} about={<Link to="/op/models">{t("title")}</Link>}>
      <Card>
        <ModelEditor before={null} taken={taken} target={target} onSaved={(id) => void navigate(`/op/models/${id}`)} />
      </Card>
    </Page>
  );
}

function List({ models }: { models: readonly ModelEntry[] }) {
  const { t } = useTranslation(["opModels", "common"]);
  const format = useFormat();
  const { values, put } = useFilters(["q"]);
  const wanted = values.q.toLowerCase();
  const shown = models.filter((model) => [model.id, ...model.aliases].some((name) => name.toLowerCase().includes(wanted)));
  return (
    <Flex vertical gap={12}>
      <FilterText label={t("common:action.search")} value={values.q} onChange={(value) => put("q", value)} />
      <DataTable
        label={t("title")}
        rows={shown}
        rowKey={(model) => model.id}
        empty={<Empty title={t(models.length === 0 ? "empty" : "noMatch")} />}
        columns={[
          { key: "id", title: t("column.model"), heading: true, render: (model) => <Name of={model} /> },
          { key: "state", title: t("column.state"), render: (model) => <Served of={model} /> },
          { key: "by", title: t("column.by"), render: (model) => [...new Set(model.targets.map(({ target }) => target))].join(", ") },
          { key: "usd", title: "USD", align: "end", render: ({ price }) => <Rates price={price.USD} currency="USD" /> },
          { key: "cny", title: "CNY", align: "end", render: ({ price }) => <Rates price={price.CNY} currency="CNY" /> },
          {
            key: "credits",
            title: "Credits",
            align: "end",
            render: ({ credits }) =>
              credits === null ? "–" : [credits.input, credits.cached_input, credits.output].map(format.count).join(" / "),
          },
          { key: "window", title: t("column.window"), align: "end", render: (model) => format.count(model.context_window) },
        ]}
        actions={(model) => (
          <LinkButton size="small" to={`/op/models/${model.id}`}>
            {t("common:action.edit")}
          </LinkButton>
        )}
      />
      <p className="tm-quiet">{t("units")}</p>
    </Flex>
  );
}

function Name({ of: model }: { of: ModelEntry }) {
  const { t } = useTranslation("opModels");
  return (
    <>
      <Link to={`/op/models/${model.id}`}>{model.id}</Link>
      {model.aliases.length > 0 && <span className="tm-second tm-name">{model.aliases.join(", ")}</span>}
      {model.retires_at !== null && (
        <span className="tm-second">
          {t("retires")} <When at={model.retires_at} />
          {model.successor !== null && ` → ${model.successor}`}
        </span>
      )}
    </>
  );
}

function Served({ of: model }: { of: ModelEntry }) {
  const { t } = useTranslation("opModels");
  return <StatusDot status={model.available ? "success" : "error"} text={t(model.available ? "served" : "unserved")} />;
}

function Rates({ price, currency }: { price: Price | null; currency: string }) {
  const format = useFormat();
  if (price === null) return "–";
  const rates = [price.input, price.cached_input ?? price.input, price.output];
  return <span className="tm-key">{rates.map((rate) => format.rate(rate, currency)).join(" / ")}</span>;
}
