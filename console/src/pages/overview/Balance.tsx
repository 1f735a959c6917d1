/** Money that is left, and for how long at the pace of late. */
import { useQuery } from "@tanstack/react-query";
import { Button, Flex, Tag } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { seriesQuery } from "@/api/queries/usage";
import { walletQuery } from "@/api/queries/wallet";
import { compareDecimals, quotient, useFormat } from "@/format";
import { Loaded } from "@/parts/Loaded";
import { Money } from "@/parts/Money";

import { Tile } from "./Tile";

const WEEK = 7;

export function Balance() {
  const { t } = useTranslation(["overview", "common"]);
  const format = useFormat();
  const wallet = useQuery(walletQuery);
  return (
    <Tile title={t("balance.title")} more={<Link to="/wallet">{t("common:action.details")}</Link>}>
      <Loaded query={wallet} rows={2}>
        {({ free, held, currency, low_balance_warning: low, payments }) => (
          <Flex vertical gap={8} align="start">
            <Flex gap={8} align="center" wrap>
              <span className="tm-hero">
                <Money amount={free} currency={currency} />
              </span>
              {low && <Tag color="warning">{t("balance.low")}</Tag>}
            </Flex>
            <div className="tm-quiet">
              {compareDecimals(free, "0") <= 0 ? t("balance.empty") : <Pace free={free} />}
              {compareDecimals(held, "0") > 0 && <div>{t("balance.held", { amount: format.money(held, currency) })}</div>}
            </div>
            <Flex gap={8} wrap>
              <Link to="/wallet">
                <Button tabIndex={-1}>{t("balance.redeem")}</Button>
              </Link>
              {payments && (
                <Link to="/wallet">
                  <Button tabIndex={-1}>{t("balance.topUp")}</Button>
                </Link>
              )}
            </Flex>
          </Flex>
        )}
      </Loaded>
    </Tile>
  );
}

function Pace({ free }: { free: string }) {
  const { t } = useTranslation("overview");
  const format = useFormat();
  const [since] = useState(() => new Date(Math.floor(Date.now() / 3_600_000 - WEEK * 24) * 3_600_000).toISOString());
  const { data } = useQuery(seriesQuery({ since, purse: "wallet" }));
  if (data === undefined) return null;
  const weeks = quotient(free, data.total.cost);
  if (weeks === null) return t("balance.noPace");
  const days = Math.floor(weeks * WEEK);
  return days > 366 ? t("balance.years") : t("balance.days", { count: days, number: format.count(days) });
}
