/** Asks before a key is deleted or reset, and names what used it of late. */
import { useQuery } from "@tanstack/react-query";
import { App, Flex, Modal, Tag } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { deleteKey, resetKey, type Key, type KeyMade } from "@/api/queries/keys";
import { seriesQuery } from "@/api/queries/usage";
import { useFormat } from "@/format";
import { FaultAlert } from "@/parts/FaultAlert";
import { Loaded } from "@/parts/Loaded";
import { useRefusal } from "@/parts/useRefusal";

interface Props {
  ended: Key;
  act: "delete" | "reset";
  onClose: () => void;
  onReset: (made: KeyMade) => void;
}

export function EndKey({ ended, act, onClose, onReset }: Props) {
  const { t } = useTranslation(["keys", "common"]);
  const { message } = App.useApp();
  const refusal = useRefusal();
  const [busy, setBusy] = useState(false);

  async function send(): Promise<void> {
    setBusy(true);
    refusal.clear();
    try {
      if (act === "reset") return onReset(await resetKey(ended.id));
      await deleteKey(ended.id);
      void message.success(t("deleted", { name: ended.name }));
      onClose();
    } catch (cause) {
      refusal.refuse(cause);
    } finally {
      setBusy(false);
    }
  }

  return (
    <Modal
      open
      title={t(`${act}.title`, { name: ended.name })}
      okText={t(`${act}.act`)}
      okButtonProps={{ danger: true }}
      cancelText={t("common:action.cancel")}
      confirmLoading={busy}
      onCancel={onClose}
      onOk={() => void send()}
    >
      <Flex vertical gap={12}>
        <FaultAlert error={refusal.error} seconds={refusal.seconds} words={{ forbidden: t("stopped") }} />
        <span>{t(`${act}.what`)}</span>
        <code className="tm-mono">{ended.shown}</code>
        <UsedBy id={ended.id} />
      </Flex>
    </Modal>
  );
}

function UsedBy({ id }: { id: string }) {
  const { t } = useTranslation("keys");
  const format = useFormat();
  const [since] = useState(() => new Date(Date.now() - 7 * 86_400_000).toISOString());
  const query = useQuery(seriesQuery({ key: id, group: "client", since }));
  return (
    <Loaded query={query} rows={1}>
      {({ series }) =>
        series.length === 0 ? (
          <span>{t("usedByNone")}</span>
        ) : (
          <div>
            <div style={{ marginBottom: 4 }}>{t("usedBy")}</div>
            <Flex gap={8} wrap>
              {series.map(({ group, total }) => (
                <Tag key={group} color="warning" style={{ margin: 0 }}>
                  {group === "" || group === "unknown" ? t("unknownTool") : group} ·{" "}
                  {t("requests", { count: total.requests, number: format.count(total.requests) })}
                </Tag>
              ))}
            </Flex>
          </div>
        )
      }
    </Loaded>
  );
}
