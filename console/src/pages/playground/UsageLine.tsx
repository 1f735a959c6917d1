/** What an answer came to: tokens, the wait for the first of them, the money, and the way to its receipt. */
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { useFormat } from "@/format";
import { Money } from "@/parts/Money";
import type { Answered, Bill } from "@/playground/machine";

export function UsageLine({ turn }: { turn: Answered }) {
  const { t } = useTranslation("playground");
  const format = useFormat();
  const { bill } = turn;
  const counts = countsOf(turn);
  const first = bill?.first_ms ?? (turn.first === null ? null : turn.first - turn.began);
  return (
    <span className="tm-usage" role="group" aria-label={t("usage.name")}>
      <span>{turn.model}</span>
      {counts !== null && (
        <>
          <span>{t("usage.in", { tokens: format.count(counts.input) })}</span>
          {counts.cached > 0 && <span>{t("usage.cached", { tokens: format.count(counts.cached) })}</span>}
          <span>{t("usage.out", { tokens: format.count(counts.output) })}</span>
        </>
      )}
      {first !== null && <span title={t("usage.firstLong")}>{t("usage.first", { time: format.duration(first) })}</span>}
      {bill?.receipt != null && <Cost receipt={bill.receipt} />}
      {bill !== null && <Link to={`/usage/receipts/${bill.id}`}>{t("usage.receipt")}</Link>}
    </span>
  );
}

function Cost({ receipt }: { receipt: NonNullable<Bill["receipt"]> }) {
  const { t } = useTranslation("playground");
  const format = useFormat();
  if (receipt.unit === "credits") return <span>{t("usage.credits", { credits: format.count(receipt.cost) })}</span>;
  return <strong><Money amount={receipt.cost} currency={receipt.unit} /></strong>;
}

interface Shown {
  input: number;
  cached: number;
  output: number;
}

/** As billed, once that is known: a stopped reply has told no counts of its own. */
function countsOf({ bill, reply }: Answered): Shown | null {
  if (bill !== null && bill.receipt !== null) {
    const { tokens } = bill;
    const of = (...kinds: string[]): number => kinds.reduce((sum, kind) => sum + (tokens[kind] ?? 0), 0);
    const cached = of("input_cached");
    return { input: of("input_fresh", "input_written") + cached, cached, output: of("output") };
  }
  return reply.counts;
}
