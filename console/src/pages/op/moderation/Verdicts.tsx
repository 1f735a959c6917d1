/** What was blocked, flagged or could not be judged; wrong verdicts are marked so. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { App, Button, Flex, Select, Tag } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { markVerdict, verdictsQuery, type Category, type Verdict } from "@/api/queries/moderation";
import { useFormat } from "@/format";
import { DataTable } from "@/parts/DataTable";
import { Empty } from "@/parts/Empty";
import { ErrorCard } from "@/parts/ErrorCard";
import { useFaultText } from "@/parts/faults";
import { FilterText } from "@/parts/FilterText";
import { Loading } from "@/parts/Loading";
import { useFilters } from "@/parts/useFilters";
import { When } from "@/parts/When";

import { useCategoryName } from "./words";

const OUTCOMES = ["blocked", "flagged", "failed"] as const;
const DIRECTIONS = ["input", "output"] as const;
const TONES = { blocked: "error", flagged: "warning", failed: "default" } as const;

export function Verdicts({ categories }: { categories: readonly Category[] }) {
  const { t } = useTranslation(["opModeration", "common"]);
  const filters = useFilters(["outcome", "direction", "category", "model"]);
  const query = useInfiniteQuery(verdictsQuery(filters.values));
  const name = useCategoryName();
  const rows = query.data?.pages.flatMap((page) => page.data);
  const chosen = (filter: "outcome" | "direction" | "category", options: { value: string; label: string }[]) => (
    <Select
      allowClear
      aria-label={t(`filter.${filter}`)}
      placeholder={t(`filter.${filter}`)}
      value={filters.values[filter] === "" ? null : filters.values[filter]}
      onChange={(value: string | null | undefined) => filters.put(filter, value ?? "")}
      options={options}
      style={{ minWidth: 150 }}
    />
  );
  return (
    <Flex vertical gap={12}>
      <Flex gap={8} wrap>
        {chosen("outcome", OUTCOMES.map((value) => ({ value, label: t(`outcome.${value}`) })))}
        {chosen("direction", DIRECTIONS.map((value) => ({ value, label: t(`direction.${value}`) })))}
        {chosen("category", categories.map((value) => ({ value, label: name(value) })))}
        <FilterText label={t("policy.model")} value={filters.values.model} onChange={(value) => filters.put("model", value)} />
        {filters.any && <Button onClick={filters.clear}>{t("common:action.clearFilters")}</Button>}
      </Flex>
      {query.isError && <ErrorCard error={query.error} onRetry={() => void query.refetch()} />}
      {rows === undefined && !query.isError && <Loading rows={6} />}
      {rows !== undefined && (
        <List
          rows={rows}
          empty={t(filters.any ? "noMatch" : "noVerdicts")}
          onMore={query.hasNextPage ? () => void query.fetchNextPage() : undefined}
          loadingMore={query.isFetchingNextPage}
        />
      )}
    </Flex>
  );
}

interface ListProps {
  rows: readonly Verdict[];
  empty: string;
  onMore: (() => void) | undefined;
  loadingMore: boolean;
}

function List({ rows, empty, onMore, loadingMore }: ListProps) {
  const { t } = useTranslation("opModeration");
  const format = useFormat();
  const name = useCategoryName();
  return (
    <DataTable
      label={t("tab.verdicts")}
      rows={rows}
      rowKey={(each) => each.id}
      empty={<Empty title={empty} />}
      onMore={onMore}
      loadingMore={loadingMore}
      columns={[
        { key: "at", title: t("column.at"), render: (each) => <When at={each.at} /> },
        {
          key: "outcome",
          title: t("column.outcome"),
          heading: true,
          render: (each) => (
            <Tag variant="outlined" color={TONES[each.outcome]}>
              {t(`outcome.${each.outcome}`)}
            </Tag>
          ),
        },
        {
          key: "account",
          title: t("policy.account"),
          render: (each) => <Link to={`/op/accounts/${each.account_id}`}>{each.account_email ?? each.account_id}</Link>,
        },
        { key: "model", title: t("policy.model"), render: (each) => each.model },
        {
          key: "place",
          title: t("column.place"),
          render: (each) => (
            <>
              {t(`direction.${each.direction}`)}
              <code className="tm-second tm-mono">{each.place}</code>
            </>
          ),
        },
        { key: "category", title: t("column.category"), render: (each) => name(each.category) },
        {
          key: "rule",
          title: t("column.rule"),
          render: (each) => (
            <>
              <code className="tm-mono">{each.rule}</code>
              <span className="tm-second">{each.source}</span>
            </>
          ),
        },
        { key: "score", title: t("column.score"), align: "end", render: (each) => format.percent(each.score) },
      ]}
      actions={(each) => <Mark of={each} />}
    />
  );
}

function Mark({ of: verdict }: { of: Verdict }) {
  const { t } = useTranslation("opModeration");
  const { message } = App.useApp();
  const say = useFaultText();
  const [busy, setBusy] = useState(false);
  async function mark(): Promise<void> {
    setBusy(true);
    try {
      await markVerdict(verdict.id, !verdict.false_positive);
    } catch (cause) {
      void message.error(say(cause));
    } finally {
      setBusy(false);
    }
  }
  return (
    <Button size="small" loading={busy} aria-pressed={verdict.false_positive} onClick={() => void mark()}>
      {t(verdict.false_positive ? "rightAfterAll" : "falsePositive")}
    </Button>
  );
}
