/** Who changed what, when and from where. */
import { Button, Flex } from "antd";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { auditQuery } from "@/api/queries/platform";
import { DataTable } from "@/parts/DataTable";
import { Empty } from "@/parts/Empty";
import { ErrorCard } from "@/parts/ErrorCard";
import { FilterText } from "@/parts/FilterText";
import { Loading } from "@/parts/Loading";
import { Page } from "@/parts/Page";
import { useFilters } from "@/parts/useFilters";
import { When } from "@/parts/When";

export default function Audit() {
  const { t } = useTranslation(["opAudit", "common"]);
  const filters = useFilters(["actor", "action", "subject", "account"]);
  const query = useInfiniteQuery(auditQuery(filters.values));
  const rows = query.data?.pages.flatMap((page) => page.data);
  return (
    <Page title={t("title")} about={t("about")}>
      <Flex vertical gap={16}>
        <Flex gap={8} wrap>
          {(["actor", "action", "subject", "account"] as const).map((name) => (
            <FilterText
              key={name}
              label={t(`filter.${name}`)}
              value={filters.values[name]}
              onChange={(value) => filters.put(name, value)}
            />
          ))}
          {filters.any && <Button onClick={filters.clear}>{t("common:action.clearFilters")}</Button>}
        </Flex>
        {query.isError && <ErrorCard error={query.error} onRetry={() => void query.refetch()} />}
        {rows === undefined && !query.isError && <Loading rows={8} />}
        {rows !== undefined && (
          <DataTable
            label={t("title")}
            rows={rows}
            rowKey={(entry) => entry.id}
            empty={<Empty title={t(filters.any ? "noMatch" : "empty")} />}
            onMore={query.hasNextPage ? () => void query.fetchNextPage() : undefined}
            loadingMore={query.isFetchingNextPage}
            columns={[
              { key: "at", title: t("at"), render: (entry) => <When at={entry.at} /> },
              { key: "actor", title: t("filter.actor"), render: (entry) => entry.actor },
              {
                key: "action",
                title: t("filter.action"),
                heading: true,
                render: (entry) => <code className="tm-mono tm-whole">{entry.action}</code>,
              },
              { key: "subject", title: t("filter.subject"), render: (entry) => <Id id={entry.subject} /> },
              {
                key: "account",
                title: t("filter.account"),
                render: ({ account_id: id }) => (id === null ? "–" : <Link to={`/op/accounts/${id}`}><Id id={id} /></Link>),
              },
              { key: "address", title: t("address"), render: (entry) => entry.address ?? "–" },
              { key: "details", title: t("details"), render: (entry) => <Details details={entry.details} /> },
            ]}
          />
        )}
      </Flex>
    </Page>
  );
}

/** Its end tells one from another. */
function Id({ id }: { id: string }) {
  const short = /^[a-z]+_[0-9a-z]{20,}$/.test(id) ? `${id.slice(0, id.indexOf("_") + 1)}…${id.slice(-8)}` : id;
  return <code className={short.length > 24 ? "tm-mono" : "tm-mono tm-whole"} title={id}>{short}</code>;
}

function Details({ details }: { details: Record<string, unknown> }) {
  const members = Object.entries(details);
  if (members.length === 0) return "–";
  return (
    <span className="tm-mono" style={{ fontSize: 12 }}>
      {members.map(([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`).join(" · ")}
    </span>
  );
}
