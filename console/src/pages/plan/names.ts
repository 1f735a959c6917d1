/** What plans are called in the reader's language. */
import { usePreferences } from "@/preferences";
import type { Tier } from "@/api/queries/plan";

export function usePlanName(): (plan: Pick<Tier, "name">) => string {
  const { language } = usePreferences();
  return ({ name }) => (language === "zh-CN" ? name.zh : name.en);
}
