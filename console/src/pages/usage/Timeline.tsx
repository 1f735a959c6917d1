/** When a request came in, when its first token went out, and when it was over. */
import { useTranslation } from "react-i18next";

import type { ExchangeWhole } from "@/api/queries/usage";
import { useFormat } from "@/format";

/** In milliseconds: what took less says nothing about a pace. */
const LONG_ENOUGH = 100;
const STATUSES = ["answered", "failed", "cancelled"] as const;

export function Timeline({ of: { at, first_ms: first, duration_ms: whole, status, tokens } }: { of: ExchangeWhole }) {
  const { t } = useTranslation("usage");
  const format = useFormat();
  const known = STATUSES.find((each) => each === status) ?? "failed";
  const later = (milliseconds: number) => format.clock(new Date(Date.parse(at) + milliseconds));
  const output = tokens.output ?? 0;
  const pace = first !== null && whole - first >= LONG_ENOUGH && output > 1 ? ((output - 1) / (whole - first)) * 1_000 : null;
  return (
    <section aria-labelledby="timeline">
      <h2 id="timeline">{t("receipt.timeline")}</h2>
      <ol className="tm-times">
        <li>
          {t("receipt.began")}
          <span className="tm-second">{format.dateTime(at)}</span>
        </li>
        {first !== null && (
          <li>
            {t("receipt.firstToken", { time: format.duration(first) })}
            <span className="tm-second">{later(first)}</span>
          </li>
        )}
        <li>
          {t(`receipt.ended.${known}`, { time: format.duration(whole) })}
          <span className="tm-second">
            {later(whole)}
            {pace !== null && ` · ${t("receipt.pace", { number: format.compact(pace) })}`}
          </span>
        </li>
      </ol>
    </section>
  );
}
