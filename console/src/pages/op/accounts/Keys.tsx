/** The keys of an account, deleted ones included; an operator stops them and starts them again. */
import { useQuery } from "@tanstack/react-query";
import { App, Button, Flex, Tag } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { accountKeysQuery, switchKey, type AccountDetail, type AccountKey } from "@/api/queries/accounts";
import { DataTable, type Column } from "@/parts/DataTable";
import { Empty } from "@/parts/Empty";
import { useFaultText } from "@/parts/faults";
import { Loaded } from "@/parts/Loaded";
import { StatusDot } from "@/parts/StatusDot";
import { When } from "@/parts/When";
import { announce } from "@/shell/live";

export function Keys({ account }: { account: AccountDetail }) {
  const { t } = useTranslation(["opAccounts", "common"]);
  const query = useQuery(accountKeysQuery(account.id));
  const columns: Column<AccountKey>[] = [
    {
      key: "name",
      title: t("keys.name"),
      heading: true,
      render: ({ name, kind }) => (
        <Flex gap={8} align="center" wrap>
          <span className="tm-name">{name}</span>
          {kind === "tp" && <Tag color="processing">{t("tab.plan")}</Tag>}
        </Flex>
      ),
    },
    { key: "key", title: t("keys.key"), render: ({ shown }) => <code className="tm-mono tm-key">{shown}</code> },
    { key: "state", title: t("keys.state"), render: (key) => <State of={key} now={query.dataUpdatedAt} /> },
    { key: "made", title: t("keys.made"), render: ({ created_at: at }) => <When at={at} /> },
    {
      key: "expires",
      title: t("keys.expires"),
      render: ({ expires_at: at }) => (at === null ? <span className="tm-quiet">{t("common:state.never")}</span> : <When at={at} />),
    },
  ];
  return (
    <Loaded query={query} rows={4}>
      {(rows) => (
        <DataTable
          label={t("tab.keys")}
          columns={columns}
          rows={rows}
          rowKey={({ id }) => id}
          empty={<Empty title={t("keys.none")} />}
          actions={(key) => key.deleted_at === null && <Switch account={account} of={key} />}
        />
      )}
    </Loaded>
  );
}

function State({ of: key, now }: { of: AccountKey; now: number }) {
  const { t } = useTranslation(["opAccounts", "common"]);
  if (key.deleted_at !== null) return <StatusDot status="default" text={t("common:state.deleted")} />;
  if (key.stopped) return <StatusDot status="error" text={t("keys.byOperator")} />;
  if (key.disabled_at !== null) return <StatusDot status="default" text={t("keys.byOwner")} />;
  const over = key.expires_at !== null && Date.parse(key.expires_at) <= now;
  return <StatusDot status={over ? "error" : "success"} text={t(over ? "common:state.expired" : "common:state.active")} />;
}

function Switch({ account, of: { id, name, stopped } }: { account: AccountDetail; of: AccountKey }) {
  const { t } = useTranslation(["opAccounts", "common"]);
  const { message } = App.useApp();
  const say = useFaultText();
  const [busy, setBusy] = useState(false);

  async function turn(on: boolean): Promise<void> {
    setBusy(true);
    try {
      await switchKey(account.id, id, on);
      const said = t(on ? "keys.enabled" : "keys.disabled", { name });
      announce(said);
      void message.success(said);
    } catch (cause) {
      void message.error(say(cause));
    } finally {
      setBusy(false);
    }
  }

  return (
    <Button size="small" loading={busy} onClick={() => void turn(stopped)}>
      {t(stopped ? "common:action.enable" : "common:action.disable")}
    </Button>
  );
}
