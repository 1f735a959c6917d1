/** The wallet of an account: what is in it, giving and taking back, and how it came to that. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { Button, Flex } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { accountStatementQuery, type Entry } from "@/api/queries/accountMoney";
import type { AccountDetail } from "@/api/queries/accounts";
import { DataTable, type Column } from "@/parts/DataTable";
import { Empty } from "@/parts/Empty";
import { ErrorCard } from "@/parts/ErrorCard";
import { Loading } from "@/parts/Loading";
import { Money } from "@/parts/Money";
import { When } from "@/parts/When";

import { Figure } from "./Figure";
import { GrantDialog } from "./GrantDialog";

export function Wallet({ account }: { account: AccountDetail }) {
  const { t } = useTranslation("opAccounts");
  const [giving, setGiving] = useState(false);
  return (
    <Flex vertical gap={16}>
      <Flex gap={16} align="center" wrap>
        <Figure title={t("wallet.before")}>
          <Money amount={account.balance} currency={account.currency} />
        </Figure>
        {account.deleted_at === null && <Button onClick={() => setGiving(true)}>{t("wallet.grant")}</Button>}
      </Flex>
      <section>
        <h2>{t("wallet.statement")}</h2>
        <Statement account={account} />
      </section>
      {giving && <GrantDialog account={account} onClose={() => setGiving(false)} />}
    </Flex>
  );
}

function Statement({ account: { id, currency } }: { account: AccountDetail }) {
  const { t, i18n } = useTranslation("opAccounts");
  const query = useInfiniteQuery(accountStatementQuery(id));
  const rows = query.data?.pages.flatMap((page) => page.data);
  if (rows === undefined) {
    return query.isError ? <ErrorCard error={query.error} onRetry={() => void query.refetch()} /> : <Loading rows={6} />;
  }
  const kind = (name: string): string =>
    i18n.exists(`opAccounts:wallet.kinds.${name}`) ? t(`wallet.kinds.${name as "grant"}`) : name;
  const columns: Column<Entry>[] = [
    { key: "at", title: t("wallet.at"), render: ({ at }) => <When at={at} /> },
    { key: "kind", title: t("wallet.kind"), heading: true, render: (entry) => kind(entry.kind) },
    { key: "details", title: t("wallet.details"), render: ({ details }) => <Details details={details} /> },
    { key: "amount", title: t("wallet.change"), align: "end", render: ({ amount }) => <Money amount={amount} currency={currency} /> },
    { key: "balance", title: t("wallet.balance"), align: "end", render: ({ balance }) => <Money amount={balance} currency={currency} /> },
  ];
  return (
    <DataTable
      label={t("wallet.statement")}
      columns={columns}
      rows={rows}
      rowKey={(entry) => entry.id}
      empty={<Empty title={t("wallet.empty")} />}
      onMore={query.hasNextPage ? () => void query.fetchNextPage() : undefined}
      loadingMore={query.isFetchingNextPage}
    />
  );
}

/** The note, and who or what it came from. */
function Details({ details }: { details: Entry["details"] }) {
  const said = ["note", "by", "code", "provider", "plan", "exchange"]
    .map((name) => details[name])
    .filter((value): value is string => typeof value === "string" && value !== "");
  if (said.length === 0) return <span className="tm-quiet">–</span>;
  return <span className="tm-name">{said.join(" · ")}</span>;
}
