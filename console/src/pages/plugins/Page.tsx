/** The plugins of the account: web search, its switch, how it does, and a place to try it. */
import { Alert, App, Card, Descriptions, Flex, Switch } from "antd";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { changeAccount } from "@/api/queries/account";
import { pluginsQuery, type WebSearch } from "@/api/queries/plugins";
import { asApiError } from "@/api/client";
import { useMe } from "@/api/session";
import { useFormat } from "@/format";
import { Loaded } from "@/parts/Loaded";
import { Page } from "@/parts/Page";
import { StatusDot } from "@/parts/StatusDot";
import { When } from "@/parts/When";
import { usePreferences } from "@/preferences";

import { TrySearch } from "./TrySearch";

export default function Plugins() {
  const { t } = useTranslation("plugins");
  const query = useQuery(pluginsQuery);
  return (
    <Page title={t("title")} about={t("about")}>
      <Loaded query={query} rows={6}>
        {({ web_search: search }) => (
          <Flex vertical gap={16}>
            <Card title={<h2 style={{ margin: 0 }}>{t("webSearch")}</h2>} extra={<Switching search={search} />}>
              <Flex vertical gap={16}>
                <p style={{ margin: 0 }}>{t("what")}</p>
                <Warnings search={search} />
                <Facts search={search} />
              </Flex>
            </Card>
            {search.provider !== null && <TrySearch />}
          </Flex>
        )}
      </Loaded>
    </Page>
  );
}

function Switching({ search }: { search: WebSearch }) {
  const { t } = useTranslation(["plugins", "common"]);
  const { message } = App.useApp();
  const queries = useQueryClient();
  const { standing } = useMe();
  const [busy, setBusy] = useState(false);
  async function put(on: boolean): Promise<void> {
    setBusy(true);
    try {
      await changeAccount({ web_search: on });
      await queries.invalidateQueries({ queryKey: pluginsQuery.queryKey });
      void message.success(t(on ? "nowOn" : "nowOff"));
    } catch (error) {
      void message.error(asApiError(error).message);
    } finally {
      setBusy(false);
    }
  }
  return (
    <Flex gap={8} align="center">
      <span>{t(search.on ? "common:state.on" : "common:state.off")}</span>
      <Switch
        checked={search.on}
        loading={busy}
        disabled={standing !== "owner"}
        aria-label={t("webSearch")}
        onChange={(on) => void put(on)}
      />
    </Flex>
  );
}

function Warnings({ search }: { search: WebSearch }) {
  const { t } = useTranslation("plugins");
  const { standing } = useMe();
  const { language } = usePreferences();
  return (
    <>
      {standing !== "owner" && <Alert type="info" showIcon title={t("ownersOnly")} />}
      {search.provider === null && <Alert type="warning" showIcon title={t("noProvider")} />}
      {search.state === "failing" && search.failing_since !== null && (
        <Alert
          type="error"
          showIcon
          title={
            <>
              {t("failing")} <When at={search.failing_since} />
            </>
          }
          description={search.last_failure?.message}
        />
      )}
      {search.plan?.web_search === false && (
        <Alert
          type="info"
          showIcon
          title={t("notInPlan", { plan: language === "zh-CN" ? search.plan.name.zh : search.plan.name.en })}
        />
      )}
    </>
  );
}

const STATES = { none: "default", unknown: "default", ok: "success", failing: "error" } as const;

function Facts({ search }: { search: WebSearch }) {
  const { t } = useTranslation(["plugins", "common"]);
  const format = useFormat();
  const price = (amount: string | null) => (amount === null ? t("notSold") : t("perCall", { price: format.rate(amount, search.currency) }));
  return (
    <Descriptions
      column={1}
      size="small"
      bordered
      items={[
        { key: "provider", label: t("provider"), children: search.provider ?? t("common:state.none") },
        { key: "state", label: t("state"), children: <StatusDot status={STATES[search.state]} text={t(`states.${search.state}`)} /> },
        {
          key: "models",
          label: t("models"),
          children:
            search.models.length === 0 ? (
              t("noModels")
            ) : (
              <ul style={{ margin: 0, paddingInlineStart: 18 }}>
                {search.models.map((model) => (
                  <li key={model.id}>
                    <code className="tm-mono">{model.id}</code> · {price(model.price)}
                  </li>
                ))}
              </ul>
            ),
        },
      ]}
    />
  );
}
