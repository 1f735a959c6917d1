/** Shows a link that is to be handed over, for the only time. */
import { Button, Flex, Modal } from "antd";
import { useTranslation } from "react-i18next";

import { CopyField } from "@/parts/CopyField";

interface Props {
  title: string;
  about: string;
  label: string;
  link: string;
  onClose: () => void;
}

export function LinkDialog({ title, about, label, link, onClose }: Props) {
  const { t } = useTranslation();
  return (
    <Modal
      open
      title={title}
      mask={{ closable: false }}
      onCancel={onClose}
      footer={
        <Button type="primary" onClick={onClose}>
          {t("action.done")}
        </Button>
      }
    >
      <Flex vertical gap={12}>
        <span>{about}</span>
        <CopyField label={label} value={link} />
      </Flex>
    </Modal>
  );
}
