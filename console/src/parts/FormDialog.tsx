/** A dialog with a form: sends what was filled in, and says why it was refused. */
import { Form, Modal, type FormInstance } from "antd";
import { useId, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { FaultAlert } from "./FaultAlert";
import type { FaultWords } from "./faults";
import { useFirstField } from "./useFirstField";
import { useRefusal } from "./useRefusal";

interface Props<Values extends object> {
  title: string;
  /** What the button that sends says. */
  act: string;
  danger?: boolean;
  width?: number;
  initial?: Partial<Values>;
  /** The page's own words for refusals; see `useFaultText`. */
  words?: FaultWords;
  onClose: () => void;
  /** Closing the dialog afterwards is the caller's part. */
  send: (values: Values) => Promise<void>;
  children: ReactNode | ((form: FormInstance<Values>) => ReactNode);
}

export function FormDialog<Values extends object>(props: Props<Values>) {
  const { title, act, danger = false, width = 520, initial, words, onClose, send, children } = props;
  const { t } = useTranslation();
  const [form] = Form.useForm<Values>();
  const id = useId();
  const refusal = useRefusal();
  const { body, afterOpenChange } = useFirstField();
  const [busy, setBusy] = useState(false);

  async function go(values: Values): Promise<void> {
    setBusy(true);
    refusal.clear();
    try {
      await send(values);
    } catch (cause) {
      refusal.refuse(cause);
    } finally {
      setBusy(false);
    }
  }

  return (
    <Modal
      open
      title={title}
      width={width}
      okText={act}
      okButtonProps={{ danger, disabled: refusal.seconds > 0, htmlType: "submit", form: id }}
      cancelText={t("action.cancel")}
      confirmLoading={busy}
      mask={{ closable: false }}
      afterOpenChange={afterOpenChange}
      onCancel={onClose}
    >
      <FaultAlert error={refusal.error} seconds={refusal.seconds} {...(words !== undefined && { words })} />
      <Form<Values>
        id={id}
        form={form}
        layout="vertical"
        requiredMark={false}
        scrollToFirstError={{ focus: true }}
        {...(initial !== undefined && { initialValues: initial })}
        onFinish={(values) => void go(values)}
      >
        <div ref={body}>{typeof children === "function" ? children(form) : children}</div>
      </Form>
    </Modal>
  );
}
