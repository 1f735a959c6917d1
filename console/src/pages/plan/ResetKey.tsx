/** Asks before the plan's key is replaced, and names the tools that have used it of late. */
import { Flex, Modal, Tag } from "antd";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { resetPlanKey } from "@/api/queries/plan";
import { seriesQuery } from "@/api/queries/usage";
import { FaultAlert } from "@/parts/FaultAlert";
import { Loaded } from "@/parts/Loaded";
import { useRefusal } from "@/parts/useRefusal";

const WEEK = 7 * 86_400_000;

interface Props {
  onClose: () => void;
  onReset: (secret: string) => void;
}

export function ResetKey({ onClose, onReset }: Props) {
  const { t } = useTranslation(["plan", "common"]);
  const refusal = useRefusal();
  const [busy, setBusy] = useState(false);
  const [since] = useState(() => new Date(Date.now() - WEEK).toISOString());
  const seen = useQuery(seriesQuery({ since, group: "client", purse: "plan", step: "day" }));

  async function send(): Promise<void> {
    setBusy(true);
    refusal.clear();
    try {
      onReset((await resetPlanKey()).secret);
    } catch (error) {
      refusal.refuse(error);
    } finally {
      setBusy(false);
    }
  }

  return (
    <Modal
      open
      title={t("resetKey")}
      okText={t("resetKey")}
      okButtonProps={{ danger: true, disabled: refusal.seconds > 0 }}
      cancelText={t("common:action.cancel")}
      confirmLoading={busy}
      mask={{ closable: false }}
      onCancel={onClose}
      onOk={() => void send()}
    >
      <FaultAlert error={refusal.error} seconds={refusal.seconds} />
      <p>{t("resetWarning")}</p>
      <p>{t("resetSeen")}</p>
      <Loaded query={seen} rows={1}>
        {(usage) =>
          usage.series.length === 0 ? (
            <p>{t("resetNobody")}</p>
          ) : (
            <Flex gap={4} wrap>
              {usage.series.map((each) => (
                <Tag key={each.group} variant="outlined">
                  {each.label || t("common:state.unknown")}
                </Tag>
              ))}
            </Flex>
          )
        }
      </Loaded>
    </Modal>
  );
}
