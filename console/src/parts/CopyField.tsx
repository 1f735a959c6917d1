/** A value that one pastes elsewhere: selectable, with a button that copies it. */
import { Flex } from "antd";

import { CopyButton } from "./CopyButton";

interface Props {
  label: string;
  value: string;
  /** Label and value on one line, without a frame. */
  inline?: boolean;
}

export function CopyField({ label, value, inline = false }: Props) {
  if (inline) {
    return (
      <Flex align="center" gap={4} wrap>
        <span style={{ color: "var(--tm-color-text-tertiary)" }}>{label}</span>
        <code className="tm-mono">{value}</code>
        <CopyButton value={value} label={label} />
      </Flex>
    );
  }
  return (
    <div style={{ minWidth: 0, flex: "1 1 260px" }}>
      <div style={{ color: "var(--tm-color-text-tertiary)", fontSize: 12 }}>{label}</div>
      <Flex
        align="center"
        justify="space-between"
        gap={4}
        style={{ border: "1px solid var(--tm-color-border-secondary)", borderRadius: 6, padding: "2px 4px 2px 10px" }}
      >
        <code className="tm-mono">{value}</code>
        <CopyButton value={value} label={label} />
      </Flex>
    </div>
  );
}
