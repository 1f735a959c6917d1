/** What was begun at the payment provider, and what became of it; nothing where there was nothing. */
import { useQuery } from "@tanstack/react-query";
import { Card } from "antd";
import { useTranslation } from "react-i18next";

import { paymentsQuery, type Payment } from "@/api/queries/wallet";
import { DataTable, type Column } from "@/parts/DataTable";
import { ErrorCard } from "@/parts/ErrorCard";
import { Money } from "@/parts/Money";
import { StatusDot, type Status } from "@/parts/StatusDot";
import { When } from "@/parts/When";

const STATES = { open: "processing", paid: "success", failed: "error", refunded: "default" } as const satisfies Record<string, Status>;

export function Payments() {
  const { t } = useTranslation("wallet");
  const payments = useQuery(paymentsQuery);
  if (payments.isError) return <ErrorCard error={payments.error} onRetry={() => void payments.refetch()} />;
  if (payments.data === undefined || payments.data.length === 0) return null;
  const columns: Column<Payment>[] = [
    { key: "at", title: t("column.at"), heading: true, render: ({ created_at: at }) => <When at={at} /> },
    { key: "amount", title: t("column.amount"), align: "end", render: ({ amount, currency }) => <Money amount={amount} currency={currency} /> },
    { key: "state", title: t("column.state"), render: ({ state }) => <State of={state} /> },
    { key: "provider", title: t("column.provider"), render: ({ provider }) => provider },
    { key: "id", title: t("column.id"), render: ({ id }) => <code className="tm-mono">{id}</code> },
  ];
  return (
    <Card>
      <section aria-labelledby="payments">
        <h2 id="payments">{t("payments")}</h2>
        <DataTable label={t("payments")} columns={columns} rows={payments.data} rowKey={({ id }) => id} />
      </section>
    </Card>
  );
}

function State({ of: state }: { of: string }) {
  const { t } = useTranslation("wallet");
  if (!(state in STATES)) return <>{state}</>;
  const known = state as keyof typeof STATES;
  return <StatusDot status={STATES[known]} text={t(`payment.${known}`)} />;
}
