/** One target: how it does, which models it serves, its settings with a test, the switch. */
import { useQuery } from "@tanstack/react-query";
import { Alert, Card, Flex, Statistic } from "antd";
import { useTranslation } from "react-i18next";
import { Link, useNavigate, useParams } from "react-router";

import { modelEntriesQuery, targetsQuery, type ModelEntry, type Target } from "@/api/queries/catalogue";
import { useFormat } from "@/format";
import { Code } from "@/parts/Code";
import { DataTable } from "@/parts/DataTable";
import { Empty } from "@/parts/Empty";
import { LinkButton } from "@/parts/LinkButton";
import { Loaded } from "@/parts/Loaded";
import { Page } from "@/parts/Page";
import { When } from "@/parts/When";
import "@/style/operator.css";

import { State } from "@/parts/TargetState";
import { RemoveTarget, SwitchTarget } from "./TargetActs";
import { TargetEditor } from "./TargetEditor";

export default function TargetPage() {
  const { t } = useTranslation("opTargets");
  const { id = "" } = useParams();
  const navigate = useNavigate();
  const query = useQuery(targetsQuery);
  const models = useQuery(modelEntriesQuery);
  const found = query.data?.find((each) => each.id === id);
  return (
    <Page
      title={id}
      about={<Link to="/op/targets">{t("title")}</Link>}
      actions={
        found !== undefined && (
          <>
            <SwitchTarget of={found} />
            <RemoveTarget of={found} onGone={() => void navigate("/op/targets")} />
          </>
        )
      }
    >
      <Loaded query={query} rows={8}>
        {() =>
          found === undefined ? (
            <Empty title={t("gone")}>
              <LinkButton to="/op/targets">{t("title")}</LinkButton>
            </Empty>
          ) : (
            <Whole target={found} models={served(models.data ?? [], id)} />
          )
        }
      </Loaded>
    </Page>
  );
}

interface Served {
  model: ModelEntry;
  name: string;
  weight: number;
  priority: number;
}

const served = (models: readonly ModelEntry[], target: string): Served[] =>
  models.flatMap((model) =>
    model.targets
      .filter((each) => each.target === target)
      .map(({ model: name, weight, priority }) => ({ model, name, weight, priority })),
  );

function Whole({ target, models }: { target: Target; models: readonly Served[] }) {
  const { t } = useTranslation("opTargets");
  return (
    <Flex vertical gap={16}>
      {!target.runs_here && <Alert type="warning" showIcon title={t("notHere", { engine: target.engine })} />}
      <Tiles target={target} />
      {target.last_error !== null && (
        <Alert
          type={target.state === "down" ? "error" : "warning"}
          showIcon
          title={t("lastError", { fault: target.last_error.fault, model: target.last_error.model })}
          description={<When at={target.last_error.at} relative />}
        />
      )}
      <section>
        <h2>{t("column.models")}</h2>
        <Models target={target} models={models} />
      </section>
      <Card title={t("settings")}>
        <TargetEditor
          // What somebody else has saved meanwhile begins the form anew.
          key={target.toml}
          before={target.entry}
          names={[...new Set(models.map(({ name }) => name))]}
          taken={[]}
          onSaved={() => undefined}
        />
      </Card>
      <Card title={t("file")} size="small">
        <Code code={target.toml} language="toml" label={t("file")} />
      </Card>
    </Flex>
  );
}

function Tiles({ target }: { target: Target }) {
  const { t } = useTranslation("opTargets");
  const format = useFormat();
  const first = target.first_ms_last_hour;
  const tiles = [
    ["state", <State key="state" of={target.state} />],
    ["flying", format.count(target.in_flight)],
    ["answered", format.count(target.answered_last_hour)],
    ["failed", format.count(target.failed_last_hour)],
    ["first", first === null ? "–" : format.duration(first)],
  ] as const;
  return (
    <div className="tm-grid tm-tiles tm-small-tiles">
      {tiles.map(([name, value]) => (
        <Card size="small" key={name}>
          <Statistic title={t(`tile.${name}`)} formatter={() => value} />
        </Card>
      ))}
    </div>
  );
}

function Models({ target, models }: { target: Target; models: readonly Served[] }) {
  const { t } = useTranslation("opTargets");
  const add = `/op/models?new=1&target=${encodeURIComponent(target.id)}`;
  return (
    <Flex vertical gap={12} align="start">
      <div style={{ width: "100%" }}>
        <DataTable
          label={t("column.models")}
          rows={models}
          rowKey={({ model, name }) => `${model.id} ${name}`}
          empty={<Empty title={t("noModels")} />}
          columns={[
            {
              key: "model",
              title: t("model.id"),
              heading: true,
              render: ({ model }) => <Link to={`/op/models/${model.id}`}>{model.id}</Link>,
            },
            { key: "name", title: t("model.name"), render: ({ name }) => <code className="tm-mono">{name}</code> },
            { key: "priority", title: t("model.priority"), align: "end", render: ({ priority }) => priority },
            { key: "weight", title: t("model.weight"), align: "end", render: ({ weight }) => weight },
          ]}
        />
      </div>
      <LinkButton to={add}>{t("addModel")}</LinkButton>
    </Flex>
  );
}
