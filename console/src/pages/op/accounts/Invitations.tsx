/** Invitations to accounts of their own that can still be followed. */
import { useQuery } from "@tanstack/react-query";
import { App, Button } from "antd";
import { useTranslation } from "react-i18next";

import { invitedQuery, uninvite, type Invited } from "@/api/queries/accounts";
import { DataTable, type Column } from "@/parts/DataTable";
import { ErrorCard } from "@/parts/ErrorCard";
import { useFaultText } from "@/parts/faults";
import { When } from "@/parts/When";

import { RoleName } from "./cells";

export function Invitations() {
  const { t } = useTranslation("opAccounts");
  const { message } = App.useApp();
  const say = useFaultText();
  const query = useQuery(invitedQuery);
  if (query.isError) return <ErrorCard error={query.error} onRetry={() => void query.refetch()} />;
  if (query.data === undefined || query.data.length === 0) return null;

  async function withdraw({ id, email }: Invited): Promise<void> {
    try {
      await uninvite(id);
      void message.success(t("inviting.withdrawn", { email }));
    } catch (cause) {
      void message.error(say(cause));
    }
  }

  const columns: Column<Invited>[] = [
    { key: "email", title: t("field.email"), heading: true, render: ({ email }) => <span className="tm-name">{email}</span> },
    { key: "role", title: t("field.role"), render: ({ role }) => <RoleName role={role} /> },
    { key: "until", title: t("inviting.until"), render: ({ expires_at: at }) => <When at={at} /> },
  ];
  return (
    <section>
      <h2>{t("inviting.pending")}</h2>
      <DataTable
        label={t("inviting.pending")}
        columns={columns}
        rows={query.data}
        rowKey={({ id }) => id}
        actions={(row) => (
          <Button size="small" onClick={() => void withdraw(row)}>
            {t("inviting.withdraw")}
          </Button>
        )}
      />
    </section>
  );
}
