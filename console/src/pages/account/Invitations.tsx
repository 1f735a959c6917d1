/** Invitations that can still be followed. */
import { useQuery } from "@tanstack/react-query";
import { App, Button } from "antd";
import { useTranslation } from "react-i18next";

import { invitationsQuery, withdrawInvitation, type Invitation } from "@/api/queries/members";
import { DataTable, type Column } from "@/parts/DataTable";
import { useFaultText } from "@/parts/faults";
import { When } from "@/parts/When";

export function Invitations() {
  const { t } = useTranslation(["account", "common"]);
  const { message } = App.useApp();
  const say = useFaultText();
  const { data } = useQuery(invitationsQuery);
  if (data === undefined || data.length === 0) return null;

  async function withdraw({ id, email }: Invitation): Promise<void> {
    try {
      await withdrawInvitation(id);
      void message.success(t("members.withdrawn", { email }));
    } catch (cause) {
      void message.error(say(cause));
    }
  }

  const columns: Column<Invitation>[] = [
    { key: "email", title: t("who.email"), heading: true, render: ({ email }) => <span className="tm-name">{email}</span> },
    { key: "standing", title: t("members.standing"), render: ({ standing }) => t(`common:role.${standing}`) },
    { key: "until", title: t("members.until"), render: ({ expires_at: at }) => <When at={at} /> },
  ];
  return (
    <>
      <h3 className="tm-subtitle">{t("members.invitations")}</h3>
      <DataTable
        label={t("members.invitations")}
        columns={columns}
        rows={data}
        rowKey={({ id }) => id}
        actions={(row) => (
          <Button size="small" onClick={() => void withdraw(row)}>
            {t("members.withdraw")}
          </Button>
        )}
      />
    </>
  );
}
