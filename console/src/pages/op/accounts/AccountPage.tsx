/** One account in the hands of an operator: what it uses, its money, plan, keys and people, and stopping it. */
import { Alert, Flex, Tabs } from "antd";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Link, useParams } from "react-router";

import { accountDetailQuery, type AccountDetail } from "@/api/queries/accounts";
import { useFormat } from "@/format";
import { CopyField } from "@/parts/CopyField";
import { LinkButton } from "@/parts/LinkButton";
import { Loaded } from "@/parts/Loaded";
import { Money } from "@/parts/Money";
import { Page } from "@/parts/Page";
import { useFilters } from "@/parts/useFilters";
import "@/style/operator.css";

import { RoleName, State } from "./cells";
import { Exchanges } from "./Exchanges";
import { Keys } from "./Keys";
import { People } from "./People";
import { Plan } from "./Plan";
import { Standing } from "./Standing";
import { Terms } from "./Terms";
import { UsageOfMonth } from "./UsageOfMonth";
import { Wallet } from "./Wallet";

const TABS = ["usage", "money", "plan", "exchanges", "keys", "terms", "people"] as const;
type Tab = (typeof TABS)[number];

export default function AccountPage() {
  const { t } = useTranslation("opAccounts");
  const { id = "" } = useParams();
  const query = useQuery(accountDetailQuery(id));
  return (
    <Page
      title={query.data?.email ?? t("title")}
      about={<Link to="/op/accounts">{t("all")}</Link>}
      {...(query.data !== undefined && { actions: <Standing of={query.data} /> })}
    >
      <Loaded query={query} rows={8}>
        {(account) => (
          <Flex vertical gap={16}>
            <Stopped account={account} />
            <Facts account={account} />
            <Views account={account} />
          </Flex>
        )}
      </Loaded>
    </Page>
  );
}

/** Why nobody can use it. */
function Stopped({ account }: { account: AccountDetail }) {
  const { t } = useTranslation("opAccounts");
  const format = useFormat();
  if (account.deleted_at !== null) {
    return <Alert type="warning" showIcon title={t("remove.deleted", { time: format.dateTime(account.deleted_at) })} />;
  }
  if (account.disabled_at === null) return null;
  return (
    <Alert
      type="error"
      showIcon
      title={t("suspend.since", { time: format.dateTime(account.disabled_at) })}
      description={account.suspension === "" ? t("suspend.noReason") : account.suspension}
    />
  );
}

function Facts({ account }: { account: AccountDetail }) {
  const { t } = useTranslation(["opAccounts", "common"]);
  const format = useFormat();
  return (
    <Flex gap={24} wrap align="center">
      <Fact name={t("column.state")}>
        <State of={account} />
      </Fact>
      <Fact name={t("column.role")}>
        <RoleName role={account.role} />
      </Fact>
      <Fact name={t("column.balance")}>
        <strong>
          <Money amount={account.balance} currency={account.currency} />
        </strong>
      </Fact>
      <Fact name={t("terms.search")}>{t(account.web_search ? "common:state.on" : "common:state.off")}</Fact>
      <Fact name={t("column.since")}>{format.day(account.created_at)}</Fact>
      <CopyField label={t("id")} value={account.id} inline />
      <LinkButton size="small" to={`/op/audit?account=${account.id}`}>
        {t("audit")}
      </LinkButton>
    </Flex>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <div className="tm-second">{name}</div>
      {children}
    </div>
  );
}

function Views({ account }: { account: AccountDetail }) {
  const { t } = useTranslation("opAccounts");
  const { values, put } = useFilters(["tab"]);
  const shown: Tab = TABS.find((tab) => tab === values.tab) ?? "usage";
  return (
    <Tabs
      className="tm-tabs"
      activeKey={shown}
      onChange={(tab) => put("tab", tab === "usage" ? "" : tab)}
      destroyOnHidden
      items={TABS.map((tab) => ({ key: tab, label: t(`tab.${tab}`), children: <View tab={tab} account={account} /> }))}
    />
  );
}

function View({ tab, account }: { tab: Tab; account: AccountDetail }) {
  switch (tab) {
    case "usage":
      return <UsageOfMonth account={account} />;
    case "money":
      return <Wallet account={account} />;
    case "plan":
      return <Plan account={account} />;
    case "exchanges":
      return <Exchanges account={account} />;
    case "keys":
      return <Keys account={account} />;
    case "terms":
      return <Terms account={account} />;
    case "people":
      return <People account={account} />;
  }
}
