/** Money that is left, until when, how more comes in, and a statement of where it went. */
import { useQuery } from "@tanstack/react-query";
import { Alert, Card, Flex } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useSearchParams } from "react-router";

import { walletQuery } from "@/api/queries/wallet";
import { Loaded } from "@/parts/Loaded";
import { Page } from "@/parts/Page";

import { AlertBelow } from "./AlertBelow";
import { Balance } from "./Balance";
import { Payments } from "./Payments";
import { Redeem } from "./Redeem";
import { Statement } from "./Statement";
import { TopUp } from "./TopUp";

export default function WalletPage() {
  const { t } = useTranslation("wallet");
  const wallet = useQuery(walletQuery);
  return (
    <Page title={t("title")} about={t("about")}>
      <Flex vertical gap={16}>
        <Paid />
        <Loaded query={wallet} rows={4}>
          {(found) => (
            <div className={found.payments ? "tm-pair" : "tm-grid"}>
              <Card>
                <Balance of={found} />
              </Card>
              <Card>
                <Redeem currency={found.currency} />
              </Card>
              {found.payments && (
                <Card>
                  <TopUp currency={found.currency} />
                </Card>
              )}
              <Card>
                <AlertBelow currency={found.currency} />
              </Card>
            </div>
          )}
        </Loaded>
        <Card>
          <Statement />
        </Card>
        <Payments />
      </Flex>
    </Page>
  );
}

/** What the payment provider's page has come to, when one is back from it. */
function Paid() {
  const { t } = useTranslation("wallet");
  const [search, setSearch] = useSearchParams();
  const [paid] = useState(() => search.get("paid"));
  const [open, setOpen] = useState(true);
  if (!open || (paid !== "yes" && paid !== "no")) return null;
  const close = (): void => {
    setOpen(false);
    setSearch(new URLSearchParams([...search].filter(([name]) => name !== "paid")), { replace: true });
  };
  return (
    <Alert
      showIcon
      type={paid === "yes" ? "success" : "info"}
      title={t(paid === "yes" ? "paid.yes" : "paid.no")}
      closable={{ onClose: close }}
    />
  );
}
