/** The last few requests, each leading to its receipt. */
import { useQuery } from "@tanstack/react-query";
import { Card, Flex } from "antd";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { exchangesQuery, type Exchange } from "@/api/queries/usage";
import { EVERY } from "@/api/query";
import { useFormat } from "@/format";
import { DataTable, type Column } from "@/parts/DataTable";
import { Loaded } from "@/parts/Loaded";
import { Money } from "@/parts/Money";
import { StatusDot } from "@/parts/StatusDot";

export function Recent() {
  const { t } = useTranslation("overview");
  const recent = useQuery({ ...exchangesQuery({ limit: 5 }), refetchInterval: EVERY.keys });
  return (
    <Card>
      <Flex justify="space-between" align="baseline" gap={8} wrap>
        <h2>{t("recent.title")}</h2>
        <Link to="/usage">{t("recent.all")}</Link>
      </Flex>
      <Loaded query={recent} rows={5}>
        {({ data }) => <Rows rows={data} />}
      </Loaded>
    </Card>
  );
}

function Rows({ rows }: { rows: Exchange[] }) {
  const { t } = useTranslation("overview");
  const format = useFormat();
  const columns: Column<Exchange>[] = [
    {
      key: "time",
      title: t("recent.time"),
      heading: true,
      render: ({ request_id: id, at }) => (
        <Link to={`/usage/receipts/${id}`} aria-label={t("recent.receipt", { time: format.dateTime(at) })}>
          {format.dateTime(at)}
        </Link>
      ),
    },
    { key: "model", title: t("recent.model"), render: ({ model }) => <span className="tm-mono">{model}</span> },
    { key: "tool", title: t("recent.tool"), render: ({ client }) => (client === "unknown" ? "–" : client) },
    { key: "key", title: t("recent.key"), render: ({ key_name: name }) => <span className="tm-name">{name}</span> },
    { key: "tokens", title: t("recent.tokens"), align: "end", render: (row) => <Tokens of={row} /> },
    { key: "cost", title: t("recent.cost"), align: "end", render: (row) => <Cost of={row} /> },
    { key: "status", title: t("recent.status"), render: (row) => <Outcome of={row} /> },
  ];
  return (
    <DataTable
      label={t("recent.title")}
      columns={columns}
      rows={rows}
      rowKey={({ id }) => id}
      empty={<span className="tm-quiet">{t("recent.none")}</span>}
    />
  );
}

function Tokens({ of: { tokens } }: { of: Exchange }) {
  const { t } = useTranslation("overview");
  const format = useFormat();
  const input = (tokens.input_fresh ?? 0) + (tokens.input_cached ?? 0) + (tokens.input_written ?? 0);
  return t("recent.inOut", { input: format.count(input), output: format.count(tokens.output ?? 0) });
}

function Cost({ of: { receipt } }: { of: Exchange }) {
  const { t } = useTranslation("overview");
  const format = useFormat();
  if (receipt === null) return t("recent.free");
  if (receipt.unit === "credits") return t("recent.credits", { number: format.count(receipt.cost) });
  return <Money amount={receipt.cost} currency={receipt.unit} />;
}

function Outcome({ of: { status } }: { of: Exchange }) {
  const { t } = useTranslation("overview");
  if (status === "answered") return <StatusDot status="success" text={t("recent.answered")} />;
  if (status === "cancelled") return <StatusDot status="default" text={t("recent.cancelled")} />;
  return <StatusDot status="error" text={t("recent.failed")} />;
}
