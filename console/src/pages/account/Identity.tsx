/** The identity by which one signs in without a password. */
import { useQuery } from "@tanstack/react-query";
import { App, Button, Flex } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { joinProvider } from "@/api/queries/entry";
import { identitiesQuery, partFromProvider } from "@/api/queries/session";
import { useFormat } from "@/format";
import { useFaultText } from "@/parts/faults";
import { Loaded } from "@/parts/Loaded";
import { usePreferences } from "@/preferences";

import { Section } from "./Section";

export function Identity({ name }: { name: { en: string; zh: string } }) {
  const { t } = useTranslation(["account", "common"]);
  const format = useFormat();
  const { language } = usePreferences();
  const { message, modal } = App.useApp();
  const say = useFaultText();
  const [busy, setBusy] = useState(false);
  const identities = useQuery(identitiesQuery);

  async function join(): Promise<void> {
    setBusy(true);
    try {
      await joinProvider("/account");
    } catch (cause) {
      void message.error(say(cause));
      setBusy(false);
    }
  }

  function part(): void {
    modal.confirm({
      title: t("identity.leaveTitle"),
      content: t("identity.leaveWhat"),
      okText: t("identity.leave"),
      cancelText: t("common:action.cancel"),
      onOk: async () => {
        try {
          await partFromProvider();
          void message.success(t("identity.left"));
        } catch (cause) {
          void message.error(say(cause, { conflict: t("identity.cannot") }));
        }
      },
    });
  }

  return (
    <Section id="identity" title={t("identity.title")} about={t("identity.about")}>
      <Loaded query={identities} rows={2}>
        {(joined) =>
          joined.length === 0 ? (
            <Flex vertical gap={12} align="start">
              <span className="tm-quiet">{t("identity.none")}</span>
              <Button loading={busy} onClick={() => void join()}>
                {t("identity.join", { name: language === "zh-CN" ? name.zh : name.en })}
              </Button>
            </Flex>
          ) : (
            joined.map(({ issuer, email, seen_at: seen }) => (
              <Flex key={issuer} justify="space-between" align="center" gap={12} wrap>
                <span>
                  <strong className="tm-name">{email ?? issuer}</strong>
                  <span className="tm-second">
                    {issuer} · {t("identity.seen", { when: format.relative(seen) })}
                  </span>
                </span>
                <Button onClick={part}>{t("identity.leave")}</Button>
              </Flex>
            ))
          )
        }
      </Loaded>
    </Section>
  );
}
