/** Who am I signed in as and where, and what has this account chosen? */
import { useQuery } from "@tanstack/react-query";
import { Flex } from "antd";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { useLocation } from "react-router";

import { accountQuery } from "@/api/queries/account";
import { welcomeQuery } from "@/api/queries/session";
import { useMe } from "@/api/session";
import { Loaded } from "@/parts/Loaded";
import { Page } from "@/parts/Page";

import { DataExport } from "./DataExport";
import { DeleteAccount } from "./DeleteAccount";
import { Identity } from "./Identity";
import { LowBalance } from "./LowBalance";
import { Members } from "./Members";
import { PasswordChange } from "./PasswordChange";
import { Preferences } from "./Preferences";
import { Sessions } from "./Sessions";
import { Vault } from "./Vault";
import { Webhook } from "./Webhook";
import { Who } from "./Who";

export default function Account() {
  const { t } = useTranslation("account");
  const { standing, confirms_by: ways } = useMe();
  const account = useQuery(accountQuery);
  const { data: welcome } = useQuery(welcomeQuery);
  useAnchor(account.data !== undefined);
  const owner = standing === "owner";
  return (
    <Page title={t("title")}>
      <Flex vertical gap={16}>
        <Loaded query={account} rows={4}>
          {(shown) => <Who account={shown} />}
        </Loaded>
        <div className="tm-pair">
          {ways.includes("password") && <PasswordChange />}
          <Preferences />
          {welcome?.oidc != null && <Identity name={welcome.oidc.name} />}
        </div>
        <Sessions />
        <Members />
        <Loaded query={account} rows={4}>
          {(shown) => (
            <div className="tm-pair">
              <LowBalance account={shown} />
              <Webhook account={shown} />
              <Vault account={shown} />
              {owner && <DataExport account={shown} />}
            </div>
          )}
        </Loaded>
        {owner && <DeleteAccount />}
      </Flex>
    </Page>
  );
}

/** Goes to the card that the address names, once it is there. */
function useAnchor(ready: boolean): void {
  const { hash } = useLocation();
  useEffect(() => {
    if (ready && hash !== "") document.getElementById(hash.slice(1))?.scrollIntoView({ block: "start" });
  }, [hash, ready]);
}
