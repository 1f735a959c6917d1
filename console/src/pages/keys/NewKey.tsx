/** Makes a key in two steps: what it is called and may do, then the key itself, for the only time. */
import { Form, Modal } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { createKey, type KeyMade } from "@/api/queries/keys";
import { FaultAlert } from "@/parts/FaultAlert";
import { SecretOnce } from "@/parts/SecretOnce";
import { useFirstField } from "@/parts/useFirstField";
import { useRefusal } from "@/parts/useRefusal";
import { usePreferences } from "@/preferences";

import { KeyFields } from "./KeyFields";
import { NextSteps } from "./NextSteps";
import { useKeyFaults } from "./useKeyFaults";
import { askedOf, type KeyValues } from "./values";

interface Props {
  onClose: () => void;
  /** The key's id, once its maker has saved it. */
  onMade: (id: string) => void;
}

export function NewKey({ onClose, onMade }: Props) {
  const { t } = useTranslation(["keys", "common"]);
  const { zone } = usePreferences();
  const [form] = Form.useForm<KeyValues>();
  const showFault = useKeyFaults(form);
  const refusal = useRefusal();
  const { body, afterOpenChange } = useFirstField();
  const [busy, setBusy] = useState(false);
  const [made, setMade] = useState<KeyMade | null>(null);

  async function send(values: KeyValues): Promise<void> {
    setBusy(true);
    refusal.clear();
    try {
      setMade(await createKey(askedOf(values, new Date(), zone)));
    } catch (cause) {
      if (!showFault(cause)) refusal.refuse(cause);
    } finally {
      setBusy(false);
    }
  }

  if (made !== null) {
    return (
      <SecretOnce title={t("created", { name: made.key.name })} secret={made.secret} onDone={() => onMade(made.key.id)}>
        <NextSteps made={made} />
      </SecretOnce>
    );
  }
  return (
    <Modal
      open
      title={t("new")}
      okText={t("create")}
      okButtonProps={{ htmlType: "submit", form: "new-key" }}
      cancelText={t("common:action.cancel")}
      confirmLoading={busy}
      mask={{ closable: false }}
      afterOpenChange={afterOpenChange}
      onCancel={onClose}
    >
      <FaultAlert error={refusal.error} seconds={refusal.seconds} words={{ conflict: t("wrong.tooMany") }} />
      <Form
        name="new-key"
        form={form}
        layout="vertical"
        requiredMark={false}
        initialValues={{ expiry: "none" }}
        onFinish={(values) => void send(values)}
      >
        <div ref={body}>
          <KeyFields expiries={["none", "d7", "d30", "d90", "date"]} open={false} autoFocus />
        </div>
      </Form>
    </Modal>
  );
}
