/** Whether reasoning is remembered for agents that drop it, and how to forget all of it. */
import { App, Button, Flex, Switch } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { changeAccount, emptyVault, type Account } from "@/api/queries/account";
import { useMe } from "@/api/session";
import { useFaultText } from "@/parts/faults";

import { Section } from "./Section";

export function Vault({ account }: { account: Account }) {
  const { t } = useTranslation(["account", "common"]);
  const { standing } = useMe();
  const { message, modal } = App.useApp();
  const say = useFaultText();
  const [busy, setBusy] = useState(false);
  const owner = standing === "owner";

  async function act(doing: () => Promise<unknown>, said: string): Promise<void> {
    setBusy(true);
    try {
      await doing();
      void message.success(said);
    } catch (cause) {
      void message.error(say(cause));
    } finally {
      setBusy(false);
    }
  }

  return (
    <Section id="vault" title={t("vault.title")} about={t("vault.about")}>
      <Flex vertical gap={12} align="start">
        <Flex gap={8} align="center" component="label">
          <Switch
            checked={account.vault}
            loading={busy}
            disabled={!owner}
            onChange={(on) => void act(() => changeAccount({ vault: on }), t(on ? "vault.on" : "vault.off"))}
          />
          {t("vault.switch")}
        </Flex>
        {owner ? (
          <Button
            onClick={() =>
              modal.confirm({
                title: t("vault.emptyTitle"),
                content: t("vault.emptyWhat"),
                okText: t("vault.empty"),
                okButtonProps: { danger: true },
                cancelText: t("common:action.cancel"),
                onOk: () => act(emptyVault, t("vault.emptied")),
              })
            }
          >
            {t("vault.empty")}
          </Button>
        ) : (
          <span className="tm-quiet">{t("ownersOnly")}</span>
        )}
      </Flex>
    </Section>
  );
}
