/** Answers to what is asked most: questions, error codes, recommended sampling. */
import { Collapse, Tabs } from "antd";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Link, useSearchParams } from "react-router";

import { modelsQuery } from "@/api/queries/models";
import { DataTable } from "@/parts/DataTable";
import { Loaded } from "@/parts/Loaded";
import { Page } from "@/parts/Page";

const QUESTIONS = [
  "keys", "lost", "baseUrl", "tools", "share", "protocols", "reasoning", "leaks", "speed", "timeouts", "moderation", "search",
  "files", "bills", "usedUp",
] as const;
const STATUSES = ["400", "401", "402", "403", "404", "413", "421", "429", "503"] as const;
const TASKS = ["usual", "tools", "thinking"] as const;

export default function Help() {
  const { t } = useTranslation("help");
  const [search, setSearch] = useSearchParams();
  return (
    <Page title={t("title")}>
      <Tabs
        activeKey={search.get("tab") ?? "faq"}
        onChange={(tab) => setSearch({ tab }, { replace: true })}
        items={[
          { key: "faq", label: t("tab.faq"), children: <Questions /> },
          { key: "errors", label: t("tab.errors"), children: <Errors /> },
          { key: "sampling", label: t("tab.sampling"), children: <Sampling /> },
        ]}
      />
    </Page>
  );
}

function Questions() {
  const { t } = useTranslation("help");
  return (
    <Collapse
      defaultActiveKey={["keys"]}
      items={QUESTIONS.map((question) => ({
        key: question,
        label: <h2 style={{ margin: 0 }}>{t(`faq.${question}.q`)}</h2>,
        children: t(`faq.${question}.a`)
          .split("\n")
          .map((line) => <p key={line}>{line}</p>),
      }))}
    />
  );
}

function Errors() {
  const { t } = useTranslation("help");
  return (
    <>
      <p>{t("head.errors")}</p>
      <DataTable
        label={t("tab.errors")}
        rows={STATUSES.map((status) => ({ status }))}
        rowKey={(row) => row.status}
        columns={[
          { key: "status", title: t("head.status"), heading: true, render: (row) => <code>{row.status}</code> },
          { key: "meaning", title: t("head.meaning"), render: (row) => t(`error.${row.status}`) },
        ]}
      />
    </>
  );
}

function Sampling() {
  const { t } = useTranslation(["help", "models"]);
  const query = useQuery(modelsQuery);
  return (
    <Loaded query={query}>
      {(models) => (
        <>
          <p>{t("hyper.about")}</p>
          <DataTable
            label={t("tab.sampling")}
            rows={models.flatMap((model) =>
              TASKS.flatMap((task) => {
                const draw = task === "usual" ? model.sampling : model.sampling[task];
                return draw === null ? [] : [{ id: model.id, task, ...draw }];
              }),
            )}
            rowKey={(row) => `${row.id} ${row.task}`}
            columns={[
              { key: "model", title: t("hyper.model"), heading: true, render: (row) => <Link to={`/models/${row.id}`}>{row.id}</Link> },
              { key: "task", title: t("hyper.task"), render: (row) => t(`models:tasks.${row.task}`) },
              { key: "temperature", title: "temperature", align: "end", render: (row) => row.temperature },
              { key: "top_p", title: "top_p", align: "end", render: (row) => row.top_p },
            ]}
          />
        </>
      )}
    </Loaded>
  );
}
