/** All accounts: finding one, making one, inviting somebody to one. */
import { PlusOutlined } from "@ant-design/icons";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Button, Checkbox, Flex, Tag } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { accountsQuery, type AccountRow } from "@/api/queries/accounts";
import { welcomeQuery } from "@/api/queries/session";
import { useMe } from "@/api/session";
import { DataTable, type Column } from "@/parts/DataTable";
import { Empty } from "@/parts/Empty";
import { ErrorCard } from "@/parts/ErrorCard";
import { FilterText } from "@/parts/FilterText";
import { Loading } from "@/parts/Loading";
import { Money } from "@/parts/Money";
import { Page } from "@/parts/Page";
import { useFilters } from "@/parts/useFilters";
import { When } from "@/parts/When";

import { Recent, RoleName, State } from "./cells";
import { Invitations } from "./Invitations";
import { InviteAccount } from "./InviteAccount";
import { NewAccount } from "./NewAccount";

export default function Accounts() {
  const { t } = useTranslation(["opAccounts", "common"]);
  const { data: welcome } = useQuery(welcomeQuery);
  const [asking, setAsking] = useState<"new" | "invite" | null>(null);
  const close = () => setAsking(null);
  const closed = welcome?.signup === "closed";
  return (
    <Page
      title={t("title")}
      about={closed ? `${t("about")} ${t("inviteClosed")}` : t("about")}
      actions={
        <>
          <Button disabled={closed} onClick={() => setAsking("invite")}>
            {t("invite")}
          </Button>
          <Button type="primary" icon={<PlusOutlined aria-hidden />} onClick={() => setAsking("new")}>
            {t("new")}
          </Button>
        </>
      }
    >
      <Flex vertical gap={24}>
        <List />
        <Invitations />
      </Flex>
      {asking === "new" && <NewAccount onClose={close} />}
      {asking === "invite" && <InviteAccount onClose={close} />}
    </Page>
  );
}

function List() {
  const { t } = useTranslation(["opAccounts", "common"]);
  const { account_id: mine } = useMe();
  const { values, put, clear, any } = useFilters(["q", "deleted"]);
  const query = useInfiniteQuery(accountsQuery(values.q, values.deleted !== ""));
  const rows = query.data?.pages.flatMap((page) => page.data);
  const columns: Column<AccountRow>[] = [
    {
      key: "email",
      title: t("column.email"),
      heading: true,
      render: ({ id, email }) => (
        <Flex gap={8} align="center" wrap>
          <Link to={`/op/accounts/${id}`} className="tm-name">
            {email}
          </Link>
          {id === mine && <Tag color="success">{t("you")}</Tag>}
        </Flex>
      ),
    },
    { key: "state", title: t("column.state"), render: (row) => <State of={row} /> },
    { key: "role", title: t("column.role"), render: ({ role }) => <RoleName role={role} /> },
    {
      key: "balance",
      title: t("column.balance"),
      align: "end",
      render: ({ balance, currency }) => <Money amount={balance} currency={currency} />,
    },
    { key: "recent", title: t("column.recent"), align: "end", render: (row) => <Recent of={row} /> },
    { key: "since", title: t("column.since"), render: ({ created_at: at }) => <When at={at} /> },
  ];
  return (
    <Flex vertical gap={12}>
      <Flex gap={12} align="center" wrap>
        <FilterText label={t("search")} value={values.q} onChange={(value) => put("q", value)} />
        <Checkbox checked={values.deleted !== ""} onChange={(event) => put("deleted", event.target.checked ? "1" : "")}>
          {t("withDeleted")}
        </Checkbox>
        {any && <Button onClick={clear}>{t("common:action.clearFilters")}</Button>}
      </Flex>
      {query.isError && <ErrorCard error={query.error} onRetry={() => void query.refetch()} />}
      {rows === undefined && !query.isError && <Loading rows={8} />}
      {rows !== undefined && (
        <DataTable
          label={t("title")}
          columns={columns}
          rows={rows}
          rowKey={({ id }) => id}
          empty={<Empty title={t("none")} />}
          onMore={query.hasNextPage ? () => void query.fetchNextPage() : undefined}
          loadingMore={query.isFetchingNextPage}
        />
      )}
    </Flex>
  );
}
