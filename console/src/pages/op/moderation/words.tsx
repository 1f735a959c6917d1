/** What categories, actions and verdicts are called, and how they look. */
import { Tag } from "antd";
import { useTranslation } from "react-i18next";

import type { ActionName, Category, Tested } from "@/api/queries/moderation";

export const ACTIONS = ["block", "flag", "off"] as const satisfies readonly ActionName[];

const TONES = { block: "error", flag: "warning", off: "default", pass: "success" } as const;

export function ActionTag({ action }: { action: Tested["verdict"] }) {
  const { t } = useTranslation("opModeration");
  return (
    <Tag variant="outlined" color={TONES[action]}>
      {t(`action.${action}`)}
    </Tag>
  );
}

export function useCategoryName(): (category: Category | string) => string {
  const { t } = useTranslation("opModeration");
  return (category) => (category === "" ? "–" : t(`category.${category as Category}`));
}
