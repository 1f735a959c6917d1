/** Waits for the tool's first request after the page was opened, and shows how it went. */
import { Alert, Flex } from "antd";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { EVERY } from "@/api/query";
import { exchangesQuery, type Exchange } from "@/api/queries/usage";
import type { KeyKind, ToolGuide } from "@/api/queries/tools";
import { useFormat } from "@/format";
import { Logo } from "@/parts/Logo";
import { When } from "@/parts/When";

const LISTENS_MINUTES = 10;

export function Arrival({ tool, purse }: { tool: ToolGuide; purse: KeyKind }) {
  const { t } = useTranslation("tools");
  const [since] = useState(() => new Date());
  const { data } = useQuery({
    ...exchangesQuery({
      client: tool.id,
      purse: purse === "sk" ? "wallet" : "plan",
      since: since.toISOString(),
      // Later than whatever is asked for while the page is open.
      until: new Date(since.getTime() + 86_400_000).toISOString(),
      limit: 1,
    }),
    refetchInterval: (query) =>
      Date.now() - since.getTime() > LISTENS_MINUTES * 60_000 || query.state.data?.data[0]?.status === "answered"
        ? false
        : EVERY.live,
  });
  const seen = data?.data[0];
  return (
    <section>
      <h2>3 · {t("step.first")}</h2>
      <div role="status">
        {seen === undefined ? (
          <Flex gap={8} align="center">
            <Logo turning size={24} />
            {t("waiting", { name: tool.name })}
          </Flex>
        ) : (
          <Seen exchange={seen} />
        )}
      </div>
    </section>
  );
}

function Seen({ exchange }: { exchange: Exchange }) {
  const { t } = useTranslation(["tools", "common"]);
  const format = useFormat();
  const answered = exchange.status === "answered";
  const receipt = <Link to={`/usage/receipts/${exchange.id}`}>{t("receipt")}</Link>;
  return (
    <Alert
      type={answered ? "success" : "error"}
      showIcon
      title={t(answered ? "arrived" : "failed", { model: exchange.model })}
      description={
        <Flex gap={8} wrap>
          <When at={exchange.at} />
          {exchange.first_ms !== null && <span>{t("firstToken", { time: format.duration(exchange.first_ms) })}</span>}
          {exchange.fault !== null && <span>{exchange.fault}</span>}
          {receipt}
        </Flex>
      }
    />
  );
}
