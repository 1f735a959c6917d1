/** One model of the catalogue: its settings in tabs, the prices it has had, how to take it out. */
import { useQuery } from "@tanstack/react-query";
import { Alert, App, Button, Card, Flex } from "antd";
import { useTranslation } from "react-i18next";
import { Link, useNavigate, useParams } from "react-router";

import { modelEntriesQuery, priceVersionsQuery, removeModel, type ModelEntry, type Version } from "@/api/queries/catalogue";
import { useFormat } from "@/format";
import { Code } from "@/parts/Code";
import { DataTable } from "@/parts/DataTable";
import { Empty } from "@/parts/Empty";
import { useFaultText } from "@/parts/faults";
import { LinkButton } from "@/parts/LinkButton";
import { Loaded } from "@/parts/Loaded";
import { Page } from "@/parts/Page";
import { When } from "@/parts/When";

import { ModelEditor } from "./ModelEditor";

export default function ModelPage() {
  const { t } = useTranslation(["opModels", "common"]);
  const id = useParams()["*"] ?? "";
  const query = useQuery(modelEntriesQuery);
  const found = query.data?.find((model) => model.id === id);
  return (
    <Page
      title={id}
      about={<Link to="/op/models">{t("title")}</Link>}
      actions={
        found !== undefined && (
          <>
            <LinkButton to={`/playground?model=${encodeURIComponent(id)}`}>{t("common:action.tryIt")}</LinkButton>
            <Remove id={id} />
          </>
        )
      }
    >
      <Loaded query={query} rows={8}>
        {(models) =>
          found === undefined ? (
            <Empty title={t("gone")}>
              <LinkButton to="/op/models">{t("title")}</LinkButton>
            </Empty>
          ) : (
            <Whole model={found} others={models.filter((model) => model !== found)} />
          )
        }
      </Loaded>
    </Page>
  );
}

function Whole({ model, others }: { model: ModelEntry; others: readonly ModelEntry[] }) {
  const { t } = useTranslation("opModels");
  return (
    <Flex vertical gap={16}>
      {!model.available && <Alert type="error" showIcon title={t("unserved")} description={t("unservedWhy")} />}
      <Card>
        <ModelEditor
          // What somebody else has saved meanwhile begins the form anew.
          key={model.toml}
          before={model}
          taken={others.flatMap((other) => [other.id, ...other.aliases])}
          onSaved={() => undefined}
        />
      </Card>
      <section>
        <h2>{t("history")}</h2>
        <History id={model.id} />
      </section>
      <Card title={t("file")} size="small">
        <Code code={model.toml} language="toml" label={t("file")} />
      </Card>
    </Flex>
  );
}

function History({ id }: { id: string }) {
  const query = useQuery(priceVersionsQuery(id));
  return <Loaded query={query}>{(versions) => <Versions versions={versions} />}</Loaded>;
}

function Versions({ versions }: { versions: readonly Version[] }) {
  const { t } = useTranslation(["opModels", "common"]);
  const format = useFormat();
  const rates = ({ price, credits }: Version): string[] => {
    if (price !== null) return [price.input, price.cached_input, price.output].map((each) => format.rate(each, price.currency));
    return credits === null ? [] : [credits.input, credits.cached_input, credits.output].map((each) => format.count(each));
  };
  return (
    <DataTable
      label={t("history")}
      rows={versions}
      rowKey={(each) => each.version}
      empty={<Empty title={t("noHistory")} />}
      columns={[
        { key: "version", title: t("version"), heading: true, render: (each) => <code className="tm-mono">{each.version}</code> },
        { key: "since", title: t("since"), render: (each) => <When at={each.since} /> },
        { key: "kind", title: t("kind"), render: (each) => t(each.price === null ? "byCredits" : "byMoney") },
        { key: "rates", title: t("rates"), align: "end", render: (each) => rates(each).join(" / ") },
      ]}
    />
  );
}

function Remove({ id }: { id: string }) {
  const { t } = useTranslation(["opModels", "common"]);
  const { message, modal } = App.useApp();
  const navigate = useNavigate();
  const say = useFaultText();
  async function remove(): Promise<void> {
    try {
      await removeModel(id);
      await navigate("/op/models");
    } catch (cause) {
      void message.error(say(cause));
    }
  }
  return (
    <Button
      danger
      onClick={() =>
        modal.confirm({
          title: t("remove.title", { id }),
          content: t("remove.breaks"),
          okText: t("common:action.delete"),
          okButtonProps: { danger: true },
          cancelText: t("common:action.cancel"),
          onOk: () => {
            void remove();
          },
        })
      }
    >
      {t("common:action.delete")}
    </Button>
  );
}
