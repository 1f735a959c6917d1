/** Every request of the range, with what it was made of, how long it took, and what it cost. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { Flex, Select } from "antd";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { exchangePagesQuery, type Exchange } from "@/api/queries/usage";
import { useFormat } from "@/format";
import { DataTable, type Column } from "@/parts/DataTable";
import { Loaded } from "@/parts/Loaded";
import { TokenBar } from "@/parts/TokenBar";
import { useWidth } from "@/parts/useWidth";
import { TABLES } from "@/style/tokens";

import { Charge } from "./Charge";
import { kindsOf } from "./figures";
import { Outcome } from "./Outcome";
import type { Span } from "./range";
import { asked, ORDERS, STATUSES, type useView, type View } from "./useView";

interface Props {
  view: View;
  span: Span;
  put: ReturnType<typeof useView>[1];
}

const PAGE = 25;
/** Cards are long. */
const PAGE_OF_CARDS = 10;

export function Receipts({ view, span, put }: Props) {
  const { t } = useTranslation(["usage", "common"]);
  const wide = useWidth(TABLES);
  const pages = useInfiniteQuery(exchangePagesQuery({ ...asked(view, span), order: view.order, limit: wide ? PAGE : PAGE_OF_CARDS }));
  return (
    <section aria-labelledby="receipts">
      <Flex justify="space-between" align="baseline" gap={8} wrap style={{ marginBottom: 8 }}>
        <h2 id="receipts">{t("receipts")}</h2>
        <Flex gap={8} wrap>
          <Select
            aria-label={t("column.status")}
            value={view.status}
            onChange={(value) => put({ status: value === "all" ? null : value })}
            style={{ minWidth: 120 }}
            options={STATUSES.map((value) => ({ value, label: t(`status.${value}`) }))}
          />
          <Select
            aria-label={t("order.name")}
            value={view.order}
            onChange={(value) => put({ order: value === "newest" ? null : value })}
            style={{ minWidth: 140 }}
            options={ORDERS.map((value) => ({ value, label: t(`order.${value}`) }))}
          />
        </Flex>
      </Flex>
      <Loaded query={pages} rows={6}>
        {({ pages: all }) => (
          <Rows
            rows={all.flatMap(({ data }) => data)}
            onMore={pages.hasNextPage ? () => void pages.fetchNextPage() : undefined}
            loadingMore={pages.isFetchingNextPage}
          />
        )}
      </Loaded>
    </section>
  );
}

function Rows({ rows, onMore, loadingMore }: { rows: Exchange[]; onMore: (() => void) | undefined; loadingMore: boolean }) {
  const { t } = useTranslation("usage");
  const format = useFormat();
  const columns: Column<Exchange>[] = [
    {
      key: "time",
      title: t("column.time"),
      heading: true,
      render: ({ id, at }) => (
        <Link to={`/usage/receipts/${id}`} aria-label={t("openReceipt", { time: format.dateTime(at) })}>
          {format.dateTime(at)}
        </Link>
      ),
    },
    { key: "model", title: t("groups.model"), render: ({ model }) => <span className="tm-mono">{model}</span> },
    { key: "tool", title: t("groups.tool"), render: ({ client }) => (client === "unknown" ? "–" : client) },
    { key: "key", title: t("groups.key"), render: ({ key_name: name }) => <span className="tm-name">{name}</span> },
    { key: "tokens", title: t("metrics.tokens"), align: "end", render: (row) => <Tokens of={row} /> },
    {
      key: "took",
      title: t("column.took"),
      align: "end",
      render: ({ first_ms: first, duration_ms: whole }) =>
        `${first === null ? "–" : format.duration(first)} / ${format.duration(whole)}`,
    },
    { key: "cost", title: t("metrics.cost"), align: "end", render: ({ receipt }) => <Charge of={receipt} /> },
    { key: "status", title: t("column.status"), render: (row) => <Outcome of={row} /> },
  ];
  return (
    <DataTable
      label={t("receipts")}
      columns={columns}
      rows={rows}
      rowKey={({ id }) => id}
      onMore={onMore}
      loadingMore={loadingMore}
      empty={<span className="tm-quiet">{t("none")}</span>}
    />
  );
}

function Tokens({ of: { tokens } }: { of: Exchange }) {
  const format = useFormat();
  const counts = countsOf(tokens);
  const all = counts.input_cached + counts.input_fresh + counts.input_written + counts.output;
  return (
    <Flex gap={8} align="center" justify="end" wrap>
      <TokenBar kinds={kindsOf(counts)} />
      {format.count(all)}
    </Flex>
  );
}

const countsOf = (tokens: Exchange["tokens"]) => ({
  input_cached: tokens.input_cached ?? 0,
  input_fresh: tokens.input_fresh ?? 0,
  input_written: tokens.input_written ?? 0,
  output: tokens.output ?? 0,
  output_reasoning: tokens.output_reasoning ?? 0,
});
