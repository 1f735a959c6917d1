/** Single exchanges of an account, with what each cost, and giving that back. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { App, Button, Flex, Segmented } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { accountExchangesQuery, refundExchange, type Order } from "@/api/queries/accountMoney";
import type { AccountDetail } from "@/api/queries/accounts";
import type { Exchange } from "@/api/queries/usage";
import { useFormat, type Format } from "@/format";
import { DataTable, type Column } from "@/parts/DataTable";
import { Empty } from "@/parts/Empty";
import { ErrorCard } from "@/parts/ErrorCard";
import { FormDialog } from "@/parts/FormDialog";
import { Loading } from "@/parts/Loading";
import { useFilters } from "@/parts/useFilters";
import { When } from "@/parts/When";

import { ReasonField } from "./ReasonField";

export function Exchanges({ account }: { account: AccountDetail }) {
  const { t } = useTranslation("opAccounts");
  const { values, put } = useFilters(["order"]);
  const order: Order = values.order === "dearest" ? "dearest" : "newest";
  const query = useInfiniteQuery(accountExchangesQuery(account.id, order));
  const rows = query.data?.pages.flatMap((page) => page.data);
  const [refunded, setRefunded] = useState<Exchange | null>(null);
  return (
    <Flex vertical gap={12}>
      <div>
        <Segmented<Order>
          aria-label={t("exchanges.order")}
          value={order}
          onChange={(value) => put("order", value === "newest" ? "" : value)}
          options={(["newest", "dearest"] as const).map((value) => ({ value, label: t(`exchanges.${value}`) }))}
        />
      </div>
      {query.isError && <ErrorCard error={query.error} onRetry={() => void query.refetch()} />}
      {rows === undefined && !query.isError && <Loading rows={6} />}
      {rows !== undefined && (
        <List
          rows={rows}
          onRefund={setRefunded}
          onMore={query.hasNextPage ? () => void query.fetchNextPage() : undefined}
          loadingMore={query.isFetchingNextPage}
        />
      )}
      {refunded !== null && <Refund account={account} exchange={refunded} onClose={() => setRefunded(null)} />}
    </Flex>
  );
}

interface ListProps {
  rows: readonly Exchange[];
  onRefund: (exchange: Exchange) => void;
  onMore: (() => void) | undefined;
  loadingMore: boolean;
}

function List({ rows, onRefund, onMore, loadingMore }: ListProps) {
  const { t, i18n } = useTranslation("opAccounts");
  const format = useFormat();
  const state = (name: string): string =>
    i18n.exists(`opAccounts:exchanges.state.${name}`) ? t(`exchanges.state.${name as "failed"}`) : name;
  const columns: Column<Exchange>[] = [
    {
      key: "at",
      title: t("exchanges.at"),
      render: ({ at, request_id: id }) => (
        <>
          <When at={at} />
          <code className="tm-mono tm-second">{id}</code>
        </>
      ),
    },
    { key: "model", title: t("exchanges.model"), heading: true, render: ({ model }) => model },
    { key: "key", title: t("exchanges.key"), render: ({ key_name: name }) => <span className="tm-name">{name || "–"}</span> },
    { key: "tool", title: t("exchanges.tool"), render: ({ client }) => client || "–" },
    { key: "target", title: t("exchanges.target"), render: ({ target }) => target ?? "–" },
    {
      key: "tokens",
      title: t("exchanges.tokens"),
      align: "end",
      render: ({ tokens }) => `${format.compact(inputOf(tokens))} · ${format.compact(tokens.output ?? 0)}`,
    },
    { key: "cost", title: t("exchanges.cost"), align: "end", render: ({ receipt }) => costOf(receipt, format) ?? t("exchanges.free") },
    { key: "status", title: t("exchanges.status"), render: ({ status, http_status: code }) => `${state(status)} · ${String(code)}` },
  ];
  return (
    <DataTable
      label={t("tab.exchanges")}
      columns={columns}
      rows={rows}
      rowKey={({ id }) => id}
      empty={<Empty title={t("exchanges.none")} />}
      onMore={onMore}
      loadingMore={loadingMore}
      actions={(exchange) =>
        exchange.receipt !== null && (
          <Button size="small" aria-label={t("exchanges.refundName", { id: exchange.request_id })} onClick={() => onRefund(exchange)}>
            {t("exchanges.refund")}
          </Button>
        )
      }
    />
  );
}

const inputOf = (tokens: Exchange["tokens"]): number =>
  Object.entries(tokens).reduce((sum, [kind, count]) => (kind.startsWith("input") ? sum + count : sum), 0);

/** Null: it cost nothing. */
function costOf(receipt: Exchange["receipt"], format: Format): string | null {
  if (receipt === null) return null;
  return receipt.unit === "credits" ? `${format.count(receipt.cost)} Credits` : format.money(receipt.cost, receipt.unit);
}

interface RefundProps {
  account: AccountDetail;
  exchange: Exchange;
  onClose: () => void;
}

function Refund({ account, exchange, onClose }: RefundProps) {
  const { t } = useTranslation("opAccounts");
  const format = useFormat();
  const { message } = App.useApp();
  return (
    <FormDialog<{ note: string }>
      title={t("exchanges.refundTitle")}
      act={t("exchanges.refund")}
      words={{ conflict: t("exchanges.lapsed") }}
      onClose={onClose}
      send={async ({ note }) => {
        const { first } = await refundExchange(account.id, exchange.id, note);
        void (first ? message.success(t("exchanges.first")) : message.info(t("exchanges.again")));
        onClose();
      }}
    >
      <p>{t("exchanges.refundWhat", { amount: costOf(exchange.receipt, format) })}</p>
      <p>
        <code className="tm-mono">{exchange.request_id}</code> · {exchange.model}
      </p>
      <ReasonField name="note" label={t("exchanges.note")} hint={t("wallet.noteHint")} />
    </FormDialog>
  );
}
