/** Why something is done, in a line that is kept. */
import { Form, Input } from "antd";

interface Props {
  label: string;
  hint: string;
  name?: "reason" | "note";
  autoFocus?: boolean;
}

export function ReasonField({ label, hint, name = "reason", autoFocus = true }: Props) {
  return (
    <Form.Item name={name} label={label} extra={hint} rules={[{ required: true, whitespace: true, max: 200 }]}>
      <Input autoFocus={autoFocus} autoComplete="off" maxLength={200} />
    </Form.Item>
  );
}
