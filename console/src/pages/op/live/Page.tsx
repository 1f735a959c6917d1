/** What is being answered right now, and how fast. */
import { Button, Card, Flex, Statistic } from "antd";
import { useQuery } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { EVERY } from "@/api/query";
import { liveQuery, type Flying, type Live as Traffic } from "@/api/queries/platform";
import { useFormat } from "@/format";
import { DataTable } from "@/parts/DataTable";
import { Empty } from "@/parts/Empty";
import { FilterText } from "@/parts/FilterText";
import { Loaded } from "@/parts/Loaded";
import { Page } from "@/parts/Page";
import { useFilters } from "@/parts/useFilters";
import "@/style/operator.css";

export default function Live() {
  const { t } = useTranslation(["opLive", "common"]);
  const format = useFormat();
  const [paused, setPaused] = useState(false);
  const query = useQuery({ ...liveQuery, refetchInterval: paused ? false : EVERY.live });
  return (
    <Page
      title={t("title")}
      about={query.data !== undefined && t("common:asOf", { time: format.clock(query.data.at) })}
      actions={
        <Button onClick={() => setPaused(!paused)} aria-pressed={paused}>
          {t(paused ? "resume" : "pause")}
        </Button>
      }
    >
      <Loaded query={query} rows={8}>
        {(traffic) => (
          <Flex vertical gap={16}>
            <Tiles traffic={traffic} />
            <Streams traffic={traffic} />
          </Flex>
        )}
      </Loaded>
    </Page>
  );
}

function Tiles({ traffic }: { traffic: Traffic }) {
  const { t } = useTranslation("opLive");
  const format = useFormat();
  const time = (ms: number | null) => (ms === null ? "–" : format.duration(ms));
  const tiles: [string, ReactNode][] = [
    [t("streams"), format.count(traffic.in_flight)],
    [t("requestsPerSecond"), format.compact(traffic.requests_per_second)],
    [t("tokensPerSecond"), format.compact(traffic.output_per_second)],
    [t("firstToken"), `${time(traffic.first_ms_median)} / ${time(traffic.first_ms_p95)}`],
    [t("failed"), traffic.ended === 0 ? "–" : format.percent(traffic.failed / traffic.ended)],
  ];
  return (
    <div className="tm-grid tm-tiles tm-small-tiles">
      {tiles.map(([title, value]) => (
        <Card size="small" key={title}>
          <Statistic title={title} formatter={() => value} />
        </Card>
      ))}
    </div>
  );
}

function Streams({ traffic }: { traffic: Traffic }) {
  const { t } = useTranslation("opLive");
  const format = useFormat();
  const { values, put } = useFilters(["q"]);
  const wanted = values.q.toLowerCase();
  const shown = traffic.exchanges.filter((each) => describes(each).includes(wanted));
  return (
    <>
      <FilterText label={t("filter")} value={values.q} onChange={(value) => put("q", value)} />
      <DataTable
        label={t("title")}
        rows={shown}
        rowKey={(each) => each.id}
        empty={<Empty title={t(traffic.in_flight === 0 ? "empty" : "noMatch")} />}
        columns={[
          { key: "account", title: t("account"), heading: true, render: (each) => <Link to={`/op/accounts/${each.account_id}`}>{each.email}</Link> },
          { key: "age", title: t("age"), align: "end", render: (each) => format.duration(each.age_ms) },
          {
            key: "way",
            title: t("way"),
            render: (each) => (
              <>
                {each.model} → <Link to={`/op/targets/${encodeURIComponent(each.target)}`}>{each.target || "…"}</Link>
              </>
            ),
          },
          { key: "protocol", title: t("protocol"), render: (each) => each.protocol },
          { key: "tool", title: t("tool"), render: (each) => each.client || "–" },
          { key: "phase", title: t("phase"), render: (each) => t(each.output === 0 ? "waiting" : "answering") },
          { key: "tokens", title: t("tokens"), align: "end", render: (each) => `${format.compact(each.input)} + ${format.count(each.output)}` },
          { key: "speed", title: t("speed"), align: "end", render: (each) => each.tokens_per_second ?? "–" },
        ]}
      />
    </>
  );
}

const describes = (each: Flying): string =>
  [each.email, each.model, each.target, each.client, each.protocol].join(" ").toLowerCase();
