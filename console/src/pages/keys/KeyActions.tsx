/** What can be done to a key: stop it with one click, edit it, and, behind a menu, what cannot be undone. */
import { EllipsisOutlined } from "@ant-design/icons";
import { App, Button, Dropdown, Flex } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { disableKey, enableKey, type Key } from "@/api/queries/keys";
import { useMe } from "@/api/session";
import { useFaultText } from "@/parts/faults";
import { announce } from "@/shell/live";

interface Props {
  of: Key;
  onEdit: () => void;
  onEnd: (act: "delete" | "reset") => void;
}

export function KeyActions({ of: key, onEdit, onEnd }: Props) {
  const { t } = useTranslation(["keys", "common"]);
  const { standing } = useMe();
  if (key.kind === "tp") return null;
  const items = [
    ...(standing === "owner" && !key.stopped ? [{ key: "reset", label: t("reset.act"), onClick: () => onEnd("reset") }] : []),
    { key: "delete", label: t("delete.act"), danger: true, onClick: () => onEnd("delete") },
  ];
  return (
    <>
      <Switch of={key} />
      <Button size="small" onClick={onEdit}>
        {t("common:action.edit")}
      </Button>
      <Dropdown trigger={["click"]} menu={{ items }}>
        <Button size="small" icon={<EllipsisOutlined aria-hidden />} aria-label={t("more", { name: key.name })} />
      </Dropdown>
    </>
  );
}

function Switch({ of: key }: { of: Key }) {
  const { t } = useTranslation(["keys", "common"]);
  const { message } = App.useApp();
  const say = useFaultText();
  const [busy, setBusy] = useState(false);

  async function turn(on: boolean): Promise<void> {
    setBusy(true);
    try {
      await (on ? enableKey : disableKey)(key.id);
      const said = t(on ? "enabled" : "disabled", { name: key.name });
      announce(said);
      if (on) return void message.success(said);
      void message.open({ type: "info", key: key.id, duration: 10, content: <Undo said={said} onUndo={() => void undo()} /> });
    } catch (cause) {
      void message.error(say(cause, { forbidden: t("stopped") }));
    } finally {
      setBusy(false);
    }
  }

  async function undo(): Promise<void> {
    message.destroy(key.id);
    await turn(true);
  }

  if (key.state === "expired") return null;
  const off = key.state === "disabled";
  if (off && key.stopped) return null;
  return (
    <Button size="small" loading={busy} onClick={() => void turn(off)}>
      {t(off ? "common:action.enable" : "common:action.disable")}
    </Button>
  );
}

function Undo({ said, onUndo }: { said: string; onUndo: () => void }) {
  const { t } = useTranslation();
  return (
    <Flex component="span" style={{ display: "inline-flex" }} align="center" gap={8} wrap>
      {said}
      <Button size="small" onClick={onUndo}>
        {t("action.undo")}
      </Button>
    </Flex>
  );
}
