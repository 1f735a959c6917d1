/** Says to those who do not see it that an answer has ended, once, and not each of its words. */
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";

import type { Conversation } from "@/playground/machine";
import { announce } from "@/shell/live";

export function useAnnounced({ turns }: Conversation): void {
  const { t } = useTranslation("playground");
  const last = turns.at(-1);
  const state = last?.role === "assistant" ? last.state : null;
  const before = useRef(state);
  useEffect(() => {
    if (before.current === "running" && state !== null && state !== "running") announce(t(`announced.${state}`));
    before.current = state;
  }, [state, t]);
}
