/** How much of a Token Plan is used: the period's credits and each window, with when it is given back. */
import { Flex } from "antd";
import { useTranslation } from "react-i18next";

import type { Subscription } from "@/api/queries/plan";
import { useFormat } from "@/format";
import { usePreferences } from "@/preferences";

import { UsedBar } from "./UsedBar";

export function PlanWindows({ subscription }: { subscription: Subscription }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { language } = usePreferences();
  const { windows, plan, credits, used, ends_at: ends, renews } = subscription;
  const figures = (some: string, all: string): string =>
    t("window.figures", { used: format.compact(some), limit: format.compact(all) });
  return (
    <Flex vertical gap={12}>
      {windows.map((window) => {
        const seconds = plan.windows.find(({ name }) => name === window.name)?.seconds;
        const label = seconds === undefined ? window.name : lasting(seconds, language);
        return (
          <UsedBar
            key={window.name}
            label={label}
            name={t("window.of", { window: label })}
            used={window.used}
            limit={window.limit}
            note={`${figures(window.used, window.limit)} · ${t("window.resets", { time: format.dateTime(window.renews_at) })}`}
          />
        );
      })}
      <UsedBar
        label={t("window.period")}
        name={t("window.of", { window: t("window.period") })}
        used={used}
        limit={credits}
        note={`${figures(used, credits)} · ${t(renews ? "window.renews" : "window.ends", { time: format.dateTime(ends) })}`}
      />
    </Flex>
  );
}

/** `5 hours`, `7 days`. */
export function lasting(seconds: number, language: string): string {
  const [unit, size] = seconds % 86_400 === 0 ? (["day", 86_400] as const) : (["hour", 3_600] as const);
  return new Intl.NumberFormat(language, {
    style: "unit",
    unit,
    unitDisplay: "long",
    maximumFractionDigits: 1,
  }).format(seconds / size);
}
