/** What kinds of movements are called. */
import { useTranslation } from "react-i18next";

const KINDS = ["usage", "exchange", "grant", "take_back", "code", "payment", "refund", "plan"] as const;

export function useKindName(): (kind: string) => string {
  const { t } = useTranslation("wallet");
  return (kind) => {
    const known = KINDS.find((each) => each === kind);
    return known === undefined ? kind : t(`kind.${known}`);
  };
}
