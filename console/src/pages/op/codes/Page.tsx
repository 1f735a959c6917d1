/** Redeem codes by the batch: how many are left, making some, taking them out of use. */
import { PlusOutlined } from "@ant-design/icons";
import { useInfiniteQuery } from "@tanstack/react-query";
import { App, Button } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { batchesQuery, disableCodes, type Batch } from "@/api/queries/codes";
import { useFormat } from "@/format";
import { DataTable, type Column } from "@/parts/DataTable";
import { Empty } from "@/parts/Empty";
import { ErrorCard } from "@/parts/ErrorCard";
import { useFaultText } from "@/parts/faults";
import { Loading } from "@/parts/Loading";
import { Money } from "@/parts/Money";
import { Page } from "@/parts/Page";
import { useFilters } from "@/parts/useFilters";
import { When } from "@/parts/When";

import { CodesDrawer } from "./CodesDrawer";
import { Left } from "./Left";
import { NewBatch } from "./NewBatch";

export default function Codes() {
  const { t } = useTranslation("opCodes");
  const query = useInfiniteQuery(batchesQuery);
  const rows = query.data?.pages.flatMap((page) => page.data);
  const { values, put } = useFilters(["batch"]);
  const [making, setMaking] = useState(false);
  const [marked, setMarked] = useState<string | null>(null);
  const make = (
    <Button type="primary" icon={<PlusOutlined aria-hidden />} onClick={() => setMaking(true)}>
      {t("new")}
    </Button>
  );
  return (
    <Page title={t("title")} about={t("about")} actions={make}>
      {query.isError && <ErrorCard error={query.error} onRetry={() => void query.refetch()} />}
      {rows === undefined && !query.isError && <Loading rows={6} />}
      {rows !== undefined && (
        <Batches
          rows={rows}
          now={query.dataUpdatedAt}
          marked={marked}
          onOpen={(batch) => put("batch", batch)}
          onMore={query.hasNextPage ? () => void query.fetchNextPage() : undefined}
          loadingMore={query.isFetchingNextPage}
        />
      )}
      {making && (
        <NewBatch
          onClose={() => setMaking(false)}
          onMade={(batch) => {
            setMaking(false);
            setMarked(batch);
          }}
        />
      )}
      {values.batch !== "" && <CodesDrawer batch={values.batch} onClose={() => put("batch", "")} />}
    </Page>
  );
}

interface BatchesProps {
  rows: readonly Batch[];
  now: number;
  marked: string | null;
  onOpen: (batch: string) => void;
  onMore: (() => void) | undefined;
  loadingMore: boolean;
}

function Batches({ rows, now, marked, onOpen, onMore, loadingMore }: BatchesProps) {
  const { t } = useTranslation("opCodes");
  const format = useFormat();
  const columns: Column<Batch>[] = [
    { key: "batch", title: t("batch"), heading: true, render: ({ batch }) => <code className="tm-mono">{batch}</code> },
    { key: "amount", title: t("amount"), align: "end", render: ({ amount, currency }) => <Money amount={amount} currency={currency} /> },
    { key: "left", title: t("left"), width: 170, render: (batch) => <Left of={batch} /> },
    { key: "redeemed", title: t("redeemed"), align: "end", render: ({ redeemed }) => format.count(redeemed) },
    { key: "disabled", title: t("disabled"), align: "end", render: ({ disabled }) => format.count(disabled) },
    { key: "made", title: t("made"), render: ({ created_at: at }) => <When at={at} /> },
    { key: "expires", title: t("expires"), render: ({ expires_at: at }) => <Expiry at={at} now={now} /> },
  ];
  return (
    <DataTable
      label={t("title")}
      columns={columns}
      rows={rows}
      rowKey={({ batch }) => batch}
      marked={marked}
      empty={<Empty title={t("none")} />}
      onMore={onMore}
      loadingMore={loadingMore}
      actions={(batch) => (
        <>
          <Button size="small" onClick={() => onOpen(batch.batch)}>
            {t("codes")}
          </Button>
          {batch.left > 0 && <Stop of={batch} />}
        </>
      )}
    />
  );
}

function Expiry({ at, now }: { at: string | null; now: number }) {
  const { t } = useTranslation(["opCodes", "common"]);
  const format = useFormat();
  if (at === null) return <span className="tm-quiet">{t("common:state.never")}</span>;
  if (Date.parse(at) > now) return <When at={at} />;
  return <time dateTime={at}>{t("over", { when: format.dateTime(at) })}</time>;
}

function Stop({ of: { batch, left } }: { of: Batch }) {
  const { t } = useTranslation(["opCodes", "common"]);
  const format = useFormat();
  const { message, modal } = App.useApp();
  const say = useFaultText();
  const ask = () =>
    modal.confirm({
      title: t("stop.title", { batch }),
      content: t("stop.what", { count: left, number: format.count(left) }),
      okText: t("stop.act"),
      okButtonProps: { danger: true },
      cancelText: t("common:action.cancel"),
      onOk: async () => {
        try {
          const { stopped } = await disableCodes(batch);
          void message.success(t("stop.done", { number: format.count(stopped) }));
        } catch (cause) {
          void message.error(say(cause));
        }
      },
    });
  return (
    <Button size="small" danger onClick={ask}>
      {t("stop.act")}
    </Button>
  );
}
