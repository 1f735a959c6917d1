/** What can be spent now, what is set aside, how it came in, and for how long it lasts. */
import { useQuery } from "@tanstack/react-query";
import { Flex, Tag } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { seriesQuery } from "@/api/queries/usage";
import { monthQuery, type Wallet } from "@/api/queries/wallet";
import { addDecimals, compareDecimals, quotient, useFormat } from "@/format";
import { Money } from "@/parts/Money";
import { usePreferences } from "@/preferences";

import { monthIn } from "./months";

const WEEK = 7;
const YEAR = 366;

export function Balance({ of: { free, held, balance, currency, low_balance_warning: low } }: { of: Wallet }) {
  const { t } = useTranslation("wallet");
  const format = useFormat();
  return (
    <section aria-labelledby="balance">
      <h2 id="balance">{t("balance.title")}</h2>
      <Flex vertical gap={8}>
        <Flex gap={8} align="center" wrap>
          <span className="tm-hero">
            <Money amount={free} currency={currency} />
          </span>
          <span className="tm-quiet">{currency}</span>
          {low && <Tag color="warning">{t("balance.low")}</Tag>}
        </Flex>
        {compareDecimals(held, "0") > 0 && (
          <span>{t("balance.held", { balance: format.money(balance, currency), held: format.money(held, currency) })}</span>
        )}
        <span>{compareDecimals(free, "0") <= 0 ? t("balance.empty") : <Pace free={free} currency={currency} />}</span>
        <Sources currency={currency} />
      </Flex>
    </section>
  );
}

function Pace({ free, currency }: { free: string; currency: string }) {
  const { t } = useTranslation("wallet");
  const format = useFormat();
  const [since] = useState(() => new Date(Math.floor(Date.now() / 3_600_000 - WEEK * 24) * 3_600_000).toISOString());
  const { data } = useQuery(seriesQuery({ since, purse: "wallet" }));
  if (data === undefined) return null;
  const weeks = quotient(free, data.total.cost);
  if (weeks === null) return t("balance.noPace");
  const days = Math.floor(weeks * WEEK);
  const spent = format.money(data.total.cost, currency);
  return days > YEAR ? t("balance.years", { spent }) : t("balance.days", { days: format.count(days), spent });
}

/** All that has ever come in, by where from; what was spent of which is not told apart. */
function Sources({ currency }: { currency: string }) {
  const { t } = useTranslation("wallet");
  const format = useFormat();
  const { zone } = usePreferences();
  const [month] = useState(() => monthIn(new Date(), zone));
  const { data } = useQuery(monthQuery(month, zone));
  if (data === undefined) return null;
  const of = (...kinds: string[]): string => addDecimals("0", ...kinds.map((kind) => data.ever[kind] ?? "0"));
  const [paid, given] = [of("payment"), of("grant", "code", "take_back")];
  return (
    <span className="tm-second">
      {t("balance.sources", { paid: format.money(paid, currency), given: format.money(given, currency) })}
    </span>
  );
}
