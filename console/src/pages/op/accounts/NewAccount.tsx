/** Makes an account, and shows its password for the only time. */
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";

import { makeAccount, type AccountAsked, type AccountMade } from "@/api/queries/accounts";
import { FormDialog } from "@/parts/FormDialog";
import { SecretOnce } from "@/parts/SecretOnce";

import { BEGINNING, WhoFields } from "./WhoFields";

export function NewAccount({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation("opAccounts");
  const navigate = useNavigate();
  const [made, setMade] = useState<AccountMade | null>(null);
  if (made !== null) {
    return (
      <SecretOnce
        title={t("make.made", { email: made.account.email })}
        secret={made.password}
        words={{ once: t("make.once"), value: t("make.value") }}
        onDone={() => {
          onClose();
          void navigate(`/op/accounts/${made.account.id}`);
        }}
      />
    );
  }
  return (
    <FormDialog<AccountAsked>
      title={t("make.title")}
      act={t("make.act")}
      initial={BEGINNING}
      words={{ conflict: t("make.taken"), bad_value: t("field.wrongEmail") }}
      onClose={onClose}
      send={async (asked) => setMade(await makeAccount(asked))}
    >
      <WhoFields />
    </FormDialog>
  );
}
