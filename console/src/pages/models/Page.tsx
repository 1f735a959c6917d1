/** Which models there are, what they take, can and cost. */
import { SearchOutlined } from "@ant-design/icons";
import { Alert, Flex, Input, Segmented, Select } from "antd";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Link, useSearchParams } from "react-router";

import { modelsQuery, type Model } from "@/api/queries/models";
import { useMe } from "@/api/session";
import { compareDecimals, useFormat } from "@/format";
import { CopyButton } from "@/parts/CopyButton";
import { DataTable, type Column } from "@/parts/DataTable";
import { Empty } from "@/parts/Empty";
import { Loaded } from "@/parts/Loaded";
import { Page } from "@/parts/Page";

import { ABILITIES, abilitiesOf, type Ability } from "./abilities";
import { ModelTags, Retiring } from "./ModelTags";

type Order = "name" | "price";

export default function Models() {
  const { t } = useTranslation("models");
  const query = useQuery(modelsQuery);
  return (
    <Page title={t("title")} about={t("about")}>
      <Loaded query={query} rows={8}>
        {(models) => (models.length === 0 ? <Nothing /> : <Catalogue models={models} />)}
      </Loaded>
    </Page>
  );
}

function Nothing() {
  const { t } = useTranslation("models");
  const { role } = useMe();
  return <Empty title={t("empty")}>{role === "operator" && <Link to="/op/models">{t("addModel")}</Link>}</Empty>;
}

function Catalogue({ models }: { models: readonly Model[] }) {
  const { t } = useTranslation(["models", "common"]);
  const [search, setSearch] = useSearchParams();
  const wanted = search.get("q") ?? "";
  const ability = search.get("can") as Ability | null;
  const order: Order = search.get("order") === "price" ? "price" : "name";
  const put = (name: string, value: string | undefined) =>
    setSearch(
      (before) => {
        const after = new URLSearchParams(before);
        if (value === undefined || value === "") after.delete(name);
        else after.set(name, value);
        return after;
      },
      { replace: true },
    );
  const shown = models
    .filter((model) => matches(model, wanted) && (ability === null || abilitiesOf(model).includes(ability)))
    .sort(order === "price" ? byPrice : byName);
  const leaving = models.filter((model) => model.retires_at !== null);
  return (
    <Flex vertical gap={16}>
      {leaving.length > 0 && (
        <Alert
          type="warning"
          showIcon
          title={t("leaving")}
          description={leaving.map((model) => (
            <div key={model.id}>
              <code className="tm-mono">{model.id}</code> <Retiring model={model} />
            </div>
          ))}
        />
      )}
      <Flex gap={8} wrap align="center">
        <Input
          allowClear
          prefix={<SearchOutlined aria-hidden />}
          value={wanted}
          aria-label={t("common:action.search")}
          placeholder={t("common:action.search")}
          onChange={(event) => put("q", event.target.value)}
          style={{ width: 220 }}
        />
        <Select<Ability>
          allowClear
          value={ability}
          aria-label={t("can")}
          placeholder={t("can")}
          onChange={(value?: Ability) => put("can", value)}
          options={ABILITIES.map((each) => ({ value: each, label: t(`ability.${each}`) }))}
          style={{ width: 160 }}
        />
        <Segmented<Order>
          aria-label={t("order")}
          value={order}
          onChange={(value) => put("order", value === "name" ? undefined : value)}
          options={[
            { value: "name", label: t("byName") },
            { value: "price", label: t("byPrice") },
          ]}
        />
      </Flex>
      <List models={shown} />
    </Flex>
  );
}

function List({ models }: { models: readonly Model[] }) {
  const { t } = useTranslation(["models", "common"]);
  const format = useFormat();
  const price = (model: Model, kind: "input" | "cached_input" | "output") =>
    model.price === null ? "–" : format.rate(model.price[kind], model.price.currency);
  const columns: Column<Model>[] = [
    {
      key: "id",
      title: t("model"),
      heading: true,
      render: (model) => (
        <Flex align="center" gap={4}>
          <Link to={`/models/${model.id}`}>{model.id}</Link>
          <CopyButton value={model.id} label={model.id} />
        </Flex>
      ),
    },
    { key: "abilities", title: t("abilities"), render: (model) => <ModelTags model={model} /> },
    { key: "window", title: t("window"), align: "end", render: (model) => format.count(model.context_window) },
    { key: "output", title: t("maxOutput"), align: "end", render: (model) => format.count(model.max_output_tokens) },
    { key: "fresh", title: t("common:kind.fresh"), align: "end", render: (model) => price(model, "input") },
    { key: "cached", title: t("common:kind.cached"), align: "end", render: (model) => price(model, "cached_input") },
    { key: "out", title: t("common:kind.output"), align: "end", render: (model) => price(model, "output") },
    {
      key: "credits",
      title: t("credits"),
      align: "end",
      render: ({ credits }) =>
        credits === null ? "–" : [credits.input, credits.cached_input, credits.output].map(format.count).join(" / "),
    },
  ];
  return (
    <>
      <DataTable
        label={t("title")}
        columns={columns}
        rows={models}
        rowKey={(model) => model.id}
        empty={<Empty title={t("noMatch")} />}
      />
      <p style={{ color: "var(--tm-color-text-tertiary)" }}>{t("units")}</p>
    </>
  );
}

const matches = (model: Model, wanted: string): boolean =>
  [model.id, ...model.aliases].some((name) => name.toLowerCase().includes(wanted.trim().toLowerCase()));

const byName = (a: Model, b: Model): number => a.id.localeCompare(b.id);

const byPrice = (a: Model, b: Model): number => {
  if (a.price === null || b.price === null) return Number(a.price === null) - Number(b.price === null);
  return compareDecimals(a.price.output, b.price.output) || byName(a, b);
};
