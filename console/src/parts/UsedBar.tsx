/** How much of a limit is used: a bar, its share in figures, and a word when it is nearly or wholly gone. */
import { Flex } from "antd";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { share, useFormat } from "@/format";

interface Props {
  /** What is limited, as `5 h` or a key's cap. */
  label: ReactNode;
  /** The same for those who do not see the bar. */
  name: string;
  /** Exact decimal strings of one unit. */
  used: string;
  limit: string;
  /** In a second line: the figures, when it is given back. */
  note?: ReactNode;
}

const NEARLY = 0.9;

export function UsedBar({ label, name, used, limit, note }: Props) {
  const { t } = useTranslation();
  const format = useFormat();
  const part = share(used, limit);
  const tone = part >= 1 ? "error" : part >= NEARLY ? "warning" : "primary";
  const said = format.percent(part);
  return (
    <div style={{ minWidth: 0 }}>
      <Flex justify="space-between" gap={8}>
        <span>{label}</span>
        <span style={{ color: tone === "primary" ? "inherit" : `var(--tm-color-${tone}-text)` }}>
          {said}
          {part >= 1 && ` · ${t("state.exhausted")}`}
        </span>
      </Flex>
      <div
        role="meter"
        aria-label={name}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(part * 1_000) / 10}
        aria-valuetext={said}
        className="tm-meter"
      >
        <span className={`tm-meter-${tone}`} style={{ width: `${String(part * 100)}%` }} />
      </div>
      {note !== undefined && <div style={{ color: "var(--tm-color-text-tertiary)", fontSize: 12 }}>{note}</div>}
    </div>
  );
}
