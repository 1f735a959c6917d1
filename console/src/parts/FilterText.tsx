/** A filter that one types: it takes effect with Enter, or when the field is left. */
import { Input } from "antd";
import { useState } from "react";

interface Props {
  label: string;
  value: string;
  onChange: (value: string) => void;
}

export function FilterText(props: Props) {
  // A value from elsewhere, as by "clear", begins anew.
  return <Field key={props.value} {...props} />;
}

function Field({ label, value, onChange }: Props) {
  const [typed, setTyped] = useState(value);
  const put = () => {
    if (typed.trim() !== value) onChange(typed.trim());
  };
  return (
    <Input
      allowClear
      value={typed}
      aria-label={label}
      placeholder={label}
      onChange={(event) => setTyped(event.target.value)}
      onPressEnter={put}
      onBlur={put}
      style={{ width: 200 }}
    />
  );
}
