/** What one can do with a target besides changing it: switch it off and on, take it out. */
import { App, Button } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { disableTarget, enableTarget, removeTarget, type Target } from "@/api/queries/catalogue";
import { useFaultText } from "@/parts/faults";
import { announce } from "@/shell/live";

export function SwitchTarget({ of: target, small = false }: { of: Target; small?: boolean }) {
  const { t } = useTranslation(["opTargets", "common"]);
  const { message, modal } = App.useApp();
  const say = useFaultText();
  const [busy, setBusy] = useState(false);
  const on = target.entry.enabled;

  async function turn(): Promise<void> {
    setBusy(true);
    try {
      await (on ? disableTarget(target.id) : enableTarget(target.id));
      const done = t(on ? "switchedOff" : "switchedOn", { id: target.id });
      announce(done);
      void message.success(done);
    } catch (cause) {
      void message.error(say(cause));
    } finally {
      setBusy(false);
    }
  }
  function ask(): void {
    if (!on || target.models.length === 0) return void turn();
    modal.confirm({
      title: t("off.title", { id: target.id }),
      content: t("off.breaks", { models: target.models.join(", "), count: target.models.length }),
      okText: t("common:action.disable"),
      cancelText: t("common:action.cancel"),
      onOk: turn,
    });
  }
  return (
    <Button {...(small && { size: "small" as const })} loading={busy} onClick={ask}>
      {t(on ? "common:action.disable" : "common:action.enable")}
    </Button>
  );
}

export function RemoveTarget({ of: target, onGone }: { of: Target; onGone: () => void }) {
  const { t } = useTranslation(["opTargets", "common"]);
  const { message, modal } = App.useApp();
  const say = useFaultText();
  const named = target.models.length > 0;

  async function remove(): Promise<void> {
    try {
      await removeTarget(target.id);
      onGone();
    } catch (cause) {
      void message.error(say(cause));
    }
  }
  function ask(): void {
    modal.confirm({
      title: t("remove.title", { id: target.id }),
      content: t("remove.breaks"),
      okText: t("common:action.delete"),
      okButtonProps: { danger: true },
      cancelText: t("common:action.cancel"),
      onOk: () => {
        void remove();
      },
    });
  }
  return (
    <Button danger disabled={named} title={named ? t("remove.named") : undefined} onClick={ask}>
      {t("common:action.delete")}
    </Button>
  );
}
