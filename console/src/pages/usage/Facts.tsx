/** Where a receipt's figures come from: who paid, at which price, who counted, who answered, what was set aside. */
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import type { ExchangeWhole } from "@/api/queries/usage";
import { addDecimals, compareDecimals, negate, useFormat } from "@/format";

import { useAmount } from "./useAmount";

const QUALITIES = ["reported", "counted", "recovered", "suspect", "none"] as const;

export function Facts({ of: exchange }: { of: ExchangeWhole }) {
  const { t } = useTranslation(["usage", "common"]);
  const format = useFormat();
  const { receipt, price_since: since, purse } = exchange;
  const quality = QUALITIES.find((known) => known === exchange.usage_quality);
  const facts: [string, ReactNode][] = [];
  if (purse !== "none") {
    facts.push([t("receipt.fact.purse"), <Link key="purse" to={purse === "plan" ? "/plan" : "/wallet"}>{t(`common:purse.${purse}`)}</Link>]);
  }
  if (receipt !== null && receipt.price_version !== "") {
    const version = receipt.price_version;
    facts.push([t("receipt.fact.price"), since === null ? version : t("receipt.priceSince", { version, time: format.dateTime(since) })]);
  }
  facts.push([t("receipt.fact.quality"), quality === undefined ? exchange.usage_quality : t(`receipt.quality.${quality}`)]);
  if (receipt !== null && purse !== "none") facts.push([t("receipt.fact.hold"), <Held key="hold" of={exchange} />]);
  if (exchange.target !== null) {
    facts.push([t("receipt.fact.target"), <span key="target" className="tm-mono">{withUpstream(exchange)}</span>]);
  }
  facts.push([t("receipt.fact.tool"), exchange.client === "unknown" ? t("unknownTool") : exchange.client]);
  facts.push([t("receipt.fact.key"), <span key="key" className="tm-name">{exchange.key_name === "" ? exchange.key_id : exchange.key_name}</span>]);
  facts.push([t("receipt.fact.protocol"), <code key="protocol" className="tm-mono">{exchange.protocol}</code>]);
  if (exchange.stop !== null) facts.push([t("receipt.fact.stop"), <code key="stop" className="tm-mono">{exchange.stop}</code>]);
  if (exchange.fault !== null) facts.push([t("receipt.fact.fault"), <code key="fault" className="tm-mono">{exchange.fault}</code>]);
  return (
    <section aria-labelledby="facts">
      <h2 id="facts">{t("receipt.facts")}</h2>
      <dl className="tm-facts">
        {facts.map(([name, value]) => (
          <div key={name} style={{ display: "contents" }}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

const withUpstream = ({ target, upstream_model: model }: ExchangeWhole): string =>
  model === "" ? (target ?? "") : `${target ?? ""} (${model})`;

function Held({ of: { hold, receipt } }: { of: ExchangeWhole }) {
  const { t } = useTranslation("usage");
  const write = useAmount(receipt?.unit ?? "");
  if (hold === null || receipt === null) return t("receipt.holdGone");
  const amount = write.exact(hold.amount);
  if (hold.state === "held") return t("receipt.holdOpen", { amount });
  const taken = addDecimals(receipt.cost, negate(receipt.shortfall));
  const left = addDecimals(hold.amount, negate(taken));
  const charged = write.exact(taken);
  if (compareDecimals(left, "0") < 0) return t("receipt.holdMore", { amount, charged });
  return t("receipt.held", { amount, charged, rest: write.exact(left) });
}
