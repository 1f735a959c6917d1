/** A state: a dot of its colour and, always, its word. */
import { Badge } from "antd";

export type Status = "success" | "warning" | "error" | "processing" | "default";

export function StatusDot({ status, text }: { status: Status; text: string }) {
  return <Badge status={status} text={text} style={{ whiteSpace: "nowrap" }} />;
}
