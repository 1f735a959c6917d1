/** What people call a group of usage: a model by its id, a key by its name, a tool by what it says it is. */
import { useTranslation } from "react-i18next";

import type { By } from "./useView";

export function useGroupName(by: By): (series: { group: string; label: string }) => string {
  const { t } = useTranslation("usage");
  return ({ group, label }) => {
    if (by === "tool" && (group === "" || group === "unknown")) return t("unknownTool");
    return label === "" ? "–" : label;
  };
}
