/** The range's sums by model, key or tool; each row narrows the page to itself. */
import { Button, Flex } from "antd";
import { useTranslation } from "react-i18next";

import type { Sums, Usage } from "@/api/queries/usage";
import { compareDecimals, share, useFormat } from "@/format";
import { Count } from "@/parts/Count";
import { DataTable, type Column } from "@/parts/DataTable";
import { Money } from "@/parts/Money";
import { TokenBar, TokenKindName } from "@/parts/TokenBar";
import { TOKEN_KINDS, type TokenKind } from "@/style/charts";

import { cacheHit, errorRate, kindsOf, tokensOf } from "./figures";
import { useGroupName } from "./useGroupName";
import type { useView, View } from "./useView";

interface Props {
  usage: Usage;
  view: View;
  put: ReturnType<typeof useView>[1];
}

interface Row {
  key: string;
  name: string;
  sums: Sums;
  whole: boolean;
}

export function Breakdown({ usage, view, put }: Props) {
  const { t } = useTranslation("usage");
  return (
    <section aria-labelledby="breakdown">
      <h2 id="breakdown">{t(`breakdown.${view.by}`)}</h2>
      {view.by === "kind" ? <Kinds usage={usage} /> : <Groups usage={usage} view={view} put={put} />}
    </section>
  );
}

function Groups({ usage, view, put }: Props) {
  const { t } = useTranslation(["usage", "common"]);
  const format = useFormat();
  const nameOf = useGroupName(view.by);
  const name = view.by === "kind" ? "model" : view.by;
  const rows: Row[] = usage.series.map((each) => ({ key: each.group, name: nameOf(each), sums: each.total, whole: false }));
  rows.push({ key: "whole", name: t("all"), sums: usage.total, whole: true });
  const onPlan = compareDecimals(usage.total.credits, "0") > 0;
  const columns: Column<Row>[] = [
    {
      key: "group",
      title: t(`groups.${name}`),
      heading: true,
      render: (row) =>
        row.whole ? (
          <strong>{row.name}</strong>
        ) : (
          <Button type="link" className="tm-plain-link" aria-label={t("narrow", { name: row.name })} onClick={() => put({ [name]: row.key }, { back: true })}>
            {row.name}
          </Button>
        ),
    },
    { key: "requests", title: t("metrics.requests"), align: "end", render: ({ sums }) => format.count(sums.requests) },
    {
      key: "tokens",
      title: t("metrics.tokens"),
      align: "end",
      render: ({ sums }) => (
        <Flex gap={8} align="center" justify="end" wrap>
          <TokenBar kinds={kindsOf(sums)} />
          <Count value={tokensOf(sums)} />
        </Flex>
      ),
    },
    { key: "hit", title: t("cacheHit"), align: "end", render: ({ sums }) => percentOr(cacheHit(sums), format.percent) },
    { key: "errors", title: t("errors"), align: "end", render: ({ sums }) => percentOr(errorRate(sums), format.percent) },
    {
      key: "ttft",
      title: t("metrics.ttft"),
      align: "end",
      render: ({ sums }) => (sums.first_ms === null ? "–" : format.duration(sums.first_ms)),
    },
    ...(onPlan
      ? [{ key: "credits", title: t("metrics.credits"), align: "end" as const, render: ({ sums }: Row) => <Count value={sums.credits} /> }]
      : []),
    {
      key: "cost",
      title: t("metrics.cost"),
      align: "end",
      render: ({ sums }) => <Money amount={sums.cost} currency={usage.currency} />,
    },
    {
      key: "share",
      title: t("share"),
      align: "end",
      render: ({ sums }) => (compareDecimals(usage.total.cost, "0") > 0 ? format.percent(share(sums.cost, usage.total.cost)) : "–"),
    },
  ];
  return <DataTable label={t(`breakdown.${name}`)} columns={columns} rows={rows} rowKey={({ key }) => key} />;
}

function Kinds({ usage }: { usage: Usage }) {
  const { t } = useTranslation(["usage", "common"]);
  const format = useFormat();
  const kinds = kindsOf(usage.total);
  const all = tokensOf(usage.total);
  const columns: Column<{ kind: TokenKind }>[] = [
    {
      key: "kind",
      title: t("groups.kind"),
      heading: true,
      render: ({ kind }) => <TokenKindName kind={kind}>{t(`common:kind.${kind}`)}</TokenKindName>,
    },
    { key: "tokens", title: t("metrics.tokens"), align: "end", render: ({ kind }) => format.count(kinds[kind]) },
    { key: "share", title: t("shareOfTokens"), align: "end", render: ({ kind }) => percentOr(all === 0 ? null : kinds[kind] / all, format.percent) },
  ];
  return (
    <DataTable
      label={t("breakdown.kind")}
      columns={columns}
      rows={TOKEN_KINDS.map((kind) => ({ kind }))}
      rowKey={({ kind }) => kind}
    />
  );
}

const percentOr = (share: number | null, percent: (share: number) => string): string => (share === null ? "–" : percent(share));
