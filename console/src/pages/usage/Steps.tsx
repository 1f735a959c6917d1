/** What the platform did to a request on its way: retries, rescued calls, what was dropped, what moderation said. */
import { Flex, Tag } from "antd";
import { useTranslation } from "react-i18next";

import type { ExchangeWhole } from "@/api/queries/usage";

type Step = ExchangeWhole["steps"][number];

const TONES = {
  retry: "warning",
  rescued: "processing",
  cut: "warning",
  put_back: "processing",
  moderation: "default",
  dropped: "default",
} as const satisfies Record<Step["kind"], string>;

export function Steps({ of: steps }: { of: Step[] }) {
  const { t } = useTranslation("usage");
  return (
    <section aria-labelledby="steps">
      <h2 id="steps">{t("receipt.steps")}</h2>
      {steps.length === 0 ? (
        <span className="tm-quiet">{t("receipt.noSteps")}</span>
      ) : (
        <ul className="tm-steps-list">
          {steps.map((step, index) => (
            <li key={index}>
              <Flex gap="4px 8px" wrap align="baseline">
                <Tag color={TONES[step.kind]} style={{ marginInlineEnd: 0 }}>
                  {t(`receipt.step.${step.kind}`)}
                </Tag>
                <What step={step} />
              </Flex>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

/** The record is in English, as upstreams and specifications are; what has a fixed form is said in the reader's language. */
function What({ step: { kind, field, reason } }: { step: Step }) {
  const { t } = useTranslation("usage");
  if (kind === "retry") {
    const [target = "", fault = ""] = reason.split(": ");
    return <span>{t("receipt.retried", { target, fault })}</span>;
  }
  const call = kind === "rescued" ? /^\S+ of (.+) taken out$/.exec(reason)?.[1] : undefined;
  if (call !== undefined) return <span>{t("receipt.rescuedCall", { name: call })}</span>;
  return (
    <span>
      <code className="tm-mono">{field}</code> <span lang="en">{reason}</span>
    </span>
  );
}
