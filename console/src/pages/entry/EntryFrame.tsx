/** The frame of the pages before one is signed in. */
import { Card, Flex } from "antd";
import { useEffect, type ReactNode } from "react";

import { Logo } from "@/parts/Logo";
import { LanguageSwitch, ThemeSwitch } from "@/shell/Switches";

export function EntryFrame({ title, children }: { title: string; children: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · TokenMill`;
  }, [title]);
  return (
    <main className="tm-entry">
      <Flex vertical gap={16} className="tm-entry-card">
        <Flex justify="space-between" align="center">
          <Flex align="center" gap={8}>
            <Logo size={36} />
            <strong style={{ fontSize: 18 }}>TokenMill</strong>
          </Flex>
          <Flex>
            <LanguageSwitch known={false} />
            <ThemeSwitch />
          </Flex>
        </Flex>
        <Card>
          <h1 style={{ fontSize: 24, lineHeight: "32px", marginTop: 0 }}>{title}</h1>
          {children}
        </Card>
      </Flex>
    </main>
  );
}
