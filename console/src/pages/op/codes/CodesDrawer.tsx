/** The codes of a batch, without what makes them whole: which are redeemed, by whom, and stopping one. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { App, Button, Drawer } from "antd";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { codesQuery, disableCodes, type RedeemCode } from "@/api/queries/codes";
import { DataTable, type Column } from "@/parts/DataTable";
import { ErrorCard } from "@/parts/ErrorCard";
import { useFaultText } from "@/parts/faults";
import { Loading } from "@/parts/Loading";
import { StatusDot } from "@/parts/StatusDot";
import { When } from "@/parts/When";

interface Props {
  batch: string;
  onClose: () => void;
}

export function CodesDrawer({ batch, onClose }: Props) {
  const { t } = useTranslation("opCodes");
  const query = useInfiniteQuery(codesQuery(batch));
  const rows = query.data?.pages.flatMap((page) => page.data);
  return (
    <Drawer open title={t("codesOf", { batch })} aria-label={t("codesOf", { batch })} size={860} onClose={onClose}>
      {query.isError && <ErrorCard error={query.error} onRetry={() => void query.refetch()} />}
      {rows === undefined && !query.isError && <Loading rows={8} />}
      {rows !== undefined && (
        <List
          batch={batch}
          rows={rows}
          now={query.dataUpdatedAt}
          onMore={query.hasNextPage ? () => void query.fetchNextPage() : undefined}
          loadingMore={query.isFetchingNextPage}
        />
      )}
    </Drawer>
  );
}

interface ListProps {
  batch: string;
  rows: readonly RedeemCode[];
  now: number;
  onMore: (() => void) | undefined;
  loadingMore: boolean;
}

function List({ batch, rows, now, onMore, loadingMore }: ListProps) {
  const { t } = useTranslation("opCodes");
  const columns: Column<RedeemCode>[] = [
    { key: "code", title: t("code"), heading: true, render: ({ shown }) => <code className="tm-mono tm-key">{shown}</code> },
    { key: "state", title: t("state"), render: (code) => <State of={code} now={now} /> },
    {
      key: "by",
      title: t("by"),
      render: ({ redeemed_by: id }) => (id === null ? "–" : <Link to={`/op/accounts/${id}`}>{id}</Link>),
    },
    { key: "at", title: t("at"), render: ({ redeemed_at: at }) => (at === null ? "–" : <When at={at} />) },
  ];
  return (
    <DataTable
      label={t("codesOf", { batch })}
      columns={columns}
      rows={rows}
      rowKey={({ id }) => id}
      onMore={onMore}
      loadingMore={loadingMore}
      actions={(code) => code.redeemed_at === null && code.disabled_at === null && <Stop of={code} />}
    />
  );
}

function State({ of: { redeemed_at: used, disabled_at: off, expires_at: until }, now }: { of: RedeemCode; now: number }) {
  const { t } = useTranslation(["opCodes", "common"]);
  if (used !== null) return <StatusDot status="processing" text={t("used")} />;
  if (off !== null) return <StatusDot status="default" text={t("common:state.disabled")} />;
  if (until !== null && Date.parse(until) <= now) return <StatusDot status="error" text={t("common:state.expired")} />;
  return <StatusDot status="success" text={t("open")} />;
}

function Stop({ of: { id, shown } }: { of: RedeemCode }) {
  const { t } = useTranslation(["opCodes", "common"]);
  const { message, modal } = App.useApp();
  const say = useFaultText();
  const ask = () =>
    modal.confirm({
      title: t("stop.oneTitle", { code: shown }),
      content: t("stop.oneWhat"),
      okText: t("stop.act"),
      okButtonProps: { danger: true },
      cancelText: t("common:action.cancel"),
      onOk: async () => {
        try {
          await disableCodes(id);
          void message.success(t("stop.done", { number: "1" }));
        } catch (cause) {
          void message.error(say(cause));
        }
      },
    });
  return (
    <Button size="small" onClick={ask}>
      {t("stop.act")}
    </Button>
  );
}
