/** A month of the wallet: what it began and ended with, and each movement in between, with the balance after it. */
import { DownloadOutlined, LeftOutlined, RightOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { App, Button, Flex } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useSearchParams } from "react-router";

import { exportMonth, monthQuery, type Month, type MonthLine } from "@/api/queries/wallet";
import { compareDecimals, useFormat } from "@/format";
import { DataTable, type Column } from "@/parts/DataTable";
import { useFaultText } from "@/parts/faults";
import { Loaded } from "@/parts/Loaded";
import { Money } from "@/parts/Money";
import { saveFile } from "@/parts/saving";
import { usePreferences } from "@/preferences";

import { useKindName } from "./kinds";
import { isMonth, monthIn, moved } from "./months";

const AT_ONCE = 50;

export function Statement() {
  const { t } = useTranslation("wallet");
  const { zone } = usePreferences();
  const [search, setSearch] = useSearchParams();
  const [now] = useState(() => new Date());
  const present = monthIn(now, zone);
  const asked = search.get("month");
  const month = isMonth(asked) ? asked : present;
  const statement = useQuery(monthQuery(month, zone));
  const go = (to: string): void => {
    const next = new URLSearchParams([...search].filter(([name]) => name !== "month"));
    if (to !== present) next.set("month", to);
    setSearch(next);
  };
  return (
    <section aria-labelledby="statement">
      <Flex justify="space-between" align="center" gap={8} wrap style={{ marginBottom: 12 }}>
        <h2 id="statement" style={{ margin: 0 }}>
          {t("statement.title")}
        </h2>
        <Flex gap={8} align="center" wrap>
          <Flex align="center" gap={4}>
            <Button type="text" icon={<LeftOutlined aria-hidden />} aria-label={t("statement.earlier")} onClick={() => go(moved(month, -1))} />
            <strong aria-live="polite">{month}</strong>
            <Button
              type="text"
              icon={<RightOutlined aria-hidden />}
              aria-label={t("statement.later")}
              disabled={month >= present}
              onClick={() => go(moved(month, 1))}
            />
          </Flex>
          <Export month={month} zone={zone} />
        </Flex>
      </Flex>
      <Loaded query={statement} rows={6}>
        {(found) => (
          <Flex vertical gap={16}>
            <Sums of={found} />
            <Lines key={found.month} of={found} />
          </Flex>
        )}
      </Loaded>
    </section>
  );
}

function Export({ month, zone }: { month: string; zone: string }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const say = useFaultText();
  const [busy, setBusy] = useState(false);
  async function save(): Promise<void> {
    setBusy(true);
    try {
      saveFile(await exportMonth(month, zone), `statement-${month}.csv`);
    } catch (cause) {
      void message.error(say(cause));
    } finally {
      setBusy(false);
    }
  }
  return (
    <Button icon={<DownloadOutlined aria-hidden />} loading={busy} onClick={() => void save()}>
      {t("action.exportCsv")}
    </Button>
  );
}

function Sums({ of: { opening, closing, sums, currency } }: { of: Month }) {
  const { t } = useTranslation("wallet");
  const kindName = useKindName();
  const kinds = Object.entries(sums).sort(([, a], [, b]) => compareDecimals(b, a));
  return (
    <dl className="tm-figures">
      <div>
        <dt>{t("statement.opening")}</dt>
        <dd>
          <Money amount={opening} currency={currency} />
        </dd>
      </div>
      {kinds.map(([kind, amount]) => (
        <div key={kind}>
          <dt>{kindName(kind)}</dt>
          <dd>
            <Signed amount={amount} currency={currency} />
          </dd>
        </div>
      ))}
      <div>
        <dt>{t("statement.closing")}</dt>
        <dd>
          <Money amount={closing} currency={currency} />
        </dd>
      </div>
    </dl>
  );
}

function Lines({ of: { lines, currency, cut } }: { of: Month }) {
  const { t } = useTranslation("wallet");
  const format = useFormat();
  const [shown, setShown] = useState(AT_ONCE);
  const columns: Column<MonthLine>[] = [
    { key: "at", title: t("column.at"), render: ({ at, day }) => (day === null ? format.dateTime(at) : format.day(at)) },
    { key: "kind", title: t("column.kind"), heading: true, render: (line) => <What line={line} /> },
    { key: "amount", title: t("column.amount"), align: "end", render: ({ amount }) => <Signed amount={amount} currency={currency} /> },
    { key: "balance", title: t("column.balance"), align: "end", render: ({ balance }) => <Money amount={balance} currency={currency} /> },
    { key: "open", title: t("column.open"), align: "end", render: (line) => <Open line={line} /> },
  ];
  return (
    <>
      <DataTable
        label={t("statement.title")}
        columns={columns}
        rows={lines.slice(0, shown)}
        rowKey={({ id }) => id}
        onMore={shown < lines.length ? () => setShown(shown + AT_ONCE) : undefined}
        empty={<span className="tm-quiet">{t("statement.none")}</span>}
      />
      {cut && shown >= lines.length && <span className="tm-quiet">{t("statement.cut")}</span>}
    </>
  );
}

function What({ line: { kind, count, details } }: { line: MonthLine }) {
  const { t } = useTranslation("wallet");
  const format = useFormat();
  const kindName = useKindName();
  const note = typeof details.note === "string" ? details.note : "";
  return (
    <span>
      {kindName(kind)}
      {kind === "usage" && <span className="tm-second">{t("requests", { count, number: format.count(count) })}</span>}
      {note !== "" && <span className="tm-second">{note}</span>}
    </span>
  );
}

/** Where one sees more of it: the day's usage, the request that was refunded, the plan. */
function Open({ line: { day, kind, details, source } }: { line: MonthLine }) {
  const { t } = useTranslation("wallet");
  if (day !== null) {
    return (
      <Link to={`/usage?from=${day}&to=${day}&purse=wallet`} aria-label={t("open.usageOf", { day })}>
        {t("open.usage")}
      </Link>
    );
  }
  if (kind === "refund" && typeof details.exchange === "string") return <Link to={`/usage/receipts/${details.exchange}`}>{t("open.receipt")}</Link>;
  if (kind === "plan") return <Link to="/plan">{t("open.plan")}</Link>;
  return <span className="tm-mono tm-quiet">{source.split(":")[0] === "payment" ? source.slice("payment:".length) : "–"}</span>;
}

function Signed({ amount, currency }: { amount: string; currency: string }) {
  return (
    <span>
      {compareDecimals(amount, "0") > 0 && "+"}
      <Money amount={amount} currency={currency} />
    </span>
  );
}
