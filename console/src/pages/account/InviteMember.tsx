/** Invites somebody into the account, and shows the link for the only time. */
import { Button, Flex, Form, Input, Modal, Segmented } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { invite, type InvitationMade, type Standing } from "@/api/queries/members";
import { useFormat } from "@/format";
import { CopyField } from "@/parts/CopyField";
import { FaultAlert } from "@/parts/FaultAlert";
import { useRefusal } from "@/parts/useRefusal";

interface Given {
  email: string;
  standing: Standing;
}

export function InviteMember({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation(["account", "common"]);
  const [form] = Form.useForm<Given>();
  const refusal = useRefusal();
  const [busy, setBusy] = useState(false);
  const [made, setMade] = useState<InvitationMade | null>(null);

  async function send({ email, standing }: Given): Promise<void> {
    setBusy(true);
    refusal.clear();
    try {
      setMade(await invite(email, standing));
    } catch (cause) {
      refusal.refuse(cause);
    } finally {
      setBusy(false);
    }
  }

  if (made !== null) return <Invited made={made} onClose={onClose} />;
  const words = { conflict: t("members.taken"), forbidden: t("members.closed"), bad_value: t("members.badEmail") };
  return (
    <Modal
      open
      title={t("members.inviteTitle")}
      okText={t("members.inviteAct")}
      cancelText={t("common:action.cancel")}
      confirmLoading={busy}
      mask={{ closable: false }}
      onCancel={onClose}
      onOk={() => form.submit()}
    >
      <FaultAlert error={refusal.error} seconds={refusal.seconds} words={words} />
      <Form
        name="invite"
        form={form}
        layout="vertical"
        requiredMark={false}
        initialValues={{ standing: "member" }}
        onFinish={(given) => void send(given)}
      >
        <Form.Item name="email" label={t("who.email")} rules={[{ required: true }]}>
          <Input type="email" autoFocus autoComplete="off" />
        </Form.Item>
        <Form.Item name="standing" label={t("members.standing")}>
          <Segmented
            aria-label={t("members.standing")}
            options={(["member", "owner"] as const).map((value) => ({ value, label: t(`common:role.${value}`) }))}
          />
        </Form.Item>
      </Form>
    </Modal>
  );
}

function Invited({ made, onClose }: { made: InvitationMade; onClose: () => void }) {
  const { t } = useTranslation(["account", "common"]);
  const format = useFormat();
  return (
    <Modal
      open
      title={t("members.invited", { email: made.email })}
      mask={{ closable: false }}
      onCancel={onClose}
      footer={
        <Button type="primary" onClick={onClose}>
          {t("common:action.done")}
        </Button>
      }
    >
      <Flex vertical gap={12}>
        <span>{t("members.linkWhat", { time: format.dateTime(made.expires_at) })}</span>
        <CopyField label={t("members.link")} value={made.link} />
      </Flex>
    </Modal>
  );
}
