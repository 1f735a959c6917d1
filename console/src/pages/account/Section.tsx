/** A card of the account's page: what it is about, and what one can do there. */
import { Card, Flex } from "antd";
import type { ReactNode } from "react";

interface Props {
  id: string;
  title: string;
  about?: string;
  actions?: ReactNode;
  children?: ReactNode;
}

export function Section({ id, title, about, actions, children }: Props) {
  return (
    <Card id={`section-${id}`} className="tm-section">
      <Flex justify="space-between" align="start" gap={12} wrap>
        <div style={{ flex: "1 1 240px", minWidth: 0 }}>
          <h2 style={{ margin: 0 }}>{title}</h2>
          {about !== undefined && <p className="tm-quiet" style={{ margin: "2px 0 0", maxWidth: "72ch" }}>{about}</p>}
        </div>
        {actions}
      </Flex>
      {children !== undefined && <div style={{ marginTop: 12 }}>{children}</div>}
    </Card>
  );
}
