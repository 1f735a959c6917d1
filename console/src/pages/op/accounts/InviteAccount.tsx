/** Invites somebody to an account of their own, and shows the link for the only time. */
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { inviteToPlatform, type InviteAsked, type InviteMade } from "@/api/queries/accounts";
import { useFormat } from "@/format";
import { FormDialog } from "@/parts/FormDialog";

import { LinkDialog } from "./LinkDialog";
import { BEGINNING, WhoFields } from "./WhoFields";

export function InviteAccount({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation("opAccounts");
  const format = useFormat();
  const [made, setMade] = useState<InviteMade | null>(null);
  if (made !== null) {
    return (
      <LinkDialog
        title={t("inviting.sent", { email: made.email })}
        about={t("inviting.linkWhat", { time: format.dateTime(made.expires_at) })}
        label={t("inviting.link")}
        link={made.link}
        onClose={onClose}
      />
    );
  }
  return (
    <FormDialog<InviteAsked>
      title={t("inviting.title")}
      act={t("inviting.act")}
      initial={BEGINNING}
      words={{ conflict: t("make.taken"), bad_value: t("field.wrongEmail"), forbidden: t("inviteClosed") }}
      onClose={onClose}
      send={async (asked) => setMade(await inviteToPlatform(asked))}
    >
      <WhoFields />
    </FormDialog>
  );
}
