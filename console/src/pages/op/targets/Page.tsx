/** Which targets there are, how they do, and what went wrong with them last. */
import { PlusOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { Alert, Button, Drawer, Flex } from "antd";
import { useTranslation } from "react-i18next";
import { Link, useNavigate } from "react-router";

import { targetsQuery, type Target } from "@/api/queries/catalogue";
import { useFormat } from "@/format";
import { DataTable } from "@/parts/DataTable";
import { Empty } from "@/parts/Empty";
import { LinkButton } from "@/parts/LinkButton";
import { Loaded } from "@/parts/Loaded";
import { Page } from "@/parts/Page";
import { useFilters } from "@/parts/useFilters";
import { When } from "@/parts/When";

import { State } from "@/parts/TargetState";
import { SwitchTarget } from "./TargetActs";
import { TargetEditor } from "./TargetEditor";

export default function Targets() {
  const { t } = useTranslation("opTargets");
  const query = useQuery(targetsQuery);
  const { values, put } = useFilters(["new"]);
  const add = (
    <Button type="primary" icon={<PlusOutlined aria-hidden />} onClick={() => put("new", "1")}>
      {t("add")}
    </Button>
  );
  return (
    <Page title={t("title")} about={t("about")} actions={add}>
      <Loaded query={query} rows={6}>
        {(targets) => (
          <Flex vertical gap={16}>
            <Embedded targets={targets} />
            <List targets={targets} />
          </Flex>
        )}
      </Loaded>
      {values.new !== "" && <NewTarget taken={(query.data ?? []).map(({ id }) => id)} onClose={() => put("new", "")} />}
    </Page>
  );
}

/** The embedded model stands in for others on a fresh install, and nobody should take it for them. */
function Embedded({ targets }: { targets: readonly Target[] }) {
  const { t } = useTranslation("opTargets");
  const models = targets.filter(({ engine }) => engine === "embedded").flatMap((each) => each.models);
  if (models.length === 0) return null;
  return <Alert type="info" showIcon title={t("embedded", { count: models.length })} description={models.join(" · ")} />;
}

function List({ targets }: { targets: readonly Target[] }) {
  const { t } = useTranslation(["opTargets", "common"]);
  const format = useFormat();
  return (
    <DataTable
      label={t("title")}
      rows={targets}
      rowKey={(each) => each.id}
      empty={<Empty title={t("empty")} />}
      columns={[
        {
          key: "id",
          title: t("column.target"),
          heading: true,
          render: (each) => (
            <>
              <Link to={`/op/targets/${encodeURIComponent(each.id)}`}>{each.id}</Link>
              <span className="tm-second tm-name">
                {each.engine}
                {each.entry.base_url !== null && ` · ${each.entry.base_url}`}
              </span>
            </>
          ),
        },
        { key: "state", title: t("column.state"), render: (each) => <State of={each.state} /> },
        { key: "flying", title: t("column.flying"), align: "end", render: (each) => format.count(each.in_flight) },
        {
          key: "hour",
          title: t("column.hour"),
          align: "end",
          render: (each) => `${format.count(each.answered_last_hour)} / ${format.count(each.failed_last_hour)}`,
        },
        {
          key: "first",
          title: t("column.first"),
          align: "end",
          render: (each) => (each.first_ms_last_hour === null ? "–" : format.duration(each.first_ms_last_hour)),
        },
        { key: "models", title: t("column.models"), align: "end", render: (each) => format.count(each.models.length) },
        { key: "error", title: t("column.error"), render: (each) => <LastError of={each} /> },
      ]}
      actions={(each) => (
        <>
          <SwitchTarget of={each} small />
          <LinkButton size="small" to={`/op/targets/${encodeURIComponent(each.id)}`}>
            {t("common:action.edit")}
          </LinkButton>
        </>
      )}
    />
  );
}

function LastError({ of: { last_error: error } }: { of: Target }) {
  if (error === null) return "–";
  return (
    <>
      <code className="tm-mono">{error.fault}</code>
      <span className="tm-second">
        <When at={error.at} />
      </span>
    </>
  );
}

function NewTarget({ taken, onClose }: { taken: readonly string[]; onClose: () => void }) {
  const { t } = useTranslation("opTargets");
  const navigate = useNavigate();
  return (
    <Drawer open size={640} title={t("add")} onClose={onClose} mask={{ closable: false }}>
      <TargetEditor
        before={null}
        names={[]}
        taken={taken}
        onSaved={(id) => void navigate(`/op/targets/${encodeURIComponent(id)}`)}
      />
    </Drawer>
  );
}
