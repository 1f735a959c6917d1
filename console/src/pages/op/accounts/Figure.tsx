/** A figure with its name, in a tile. */
import { Card } from "antd";
import type { ReactNode } from "react";

interface Props {
  title: string;
  note?: string;
  children: ReactNode;
}

export function Figure({ title, note, children }: Props) {
  return (
    <Card size="small" className="tm-tile">
      <div className="tm-second">{title}</div>
      <div className="tm-hero">{children}</div>
      {note !== undefined && <div className="tm-second">{note}</div>}
    </Card>
  );
}
