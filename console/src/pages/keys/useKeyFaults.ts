/** Puts what the API refused at a key's form to the field that it is about. */
import type { FormInstance } from "antd";
import { useTranslation } from "react-i18next";

import { asApiError } from "@/api/client";

import type { KeyValues } from "./values";

const FIELDS = { name: "name", cap: "cap", addresses: "addresses", models: "models", expires_at: "day" } as const;

/** True when a field shows it; otherwise the form has to say it above its fields. */
export function useKeyFaults(form: FormInstance<KeyValues>): (cause: unknown) => boolean {
  const { t } = useTranslation("keys");
  return (cause) => {
    const field = asApiError(cause).field as keyof typeof FIELDS | null;
    if (field === null || !(field in FIELDS)) return false;
    form.setFields([{ name: FIELDS[field], errors: [t(`wrong.${field}`)] }]);
    form.scrollToField(FIELDS[field], { focus: true });
    return true;
  };
}
