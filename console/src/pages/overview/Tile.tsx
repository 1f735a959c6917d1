/** A card of the overview: its title, what it says, and where more of it is. */
import { Card, Flex } from "antd";
import type { ReactNode } from "react";

interface Props {
  title: string;
  /** The page with more of it. */
  more?: ReactNode;
  children: ReactNode;
  footer?: ReactNode;
}

export function Tile({ title, more, children, footer }: Props) {
  return (
    <Card className="tm-tile">
      <Flex vertical gap={8} style={{ height: "100%" }}>
        <Flex justify="space-between" align="baseline" gap={8} wrap>
          <h2 style={{ margin: 0 }}>{title}</h2>
          {more}
        </Flex>
        <div style={{ flex: 1, minWidth: 0 }}>{children}</div>
        {footer}
      </Flex>
    </Card>
  );
}
