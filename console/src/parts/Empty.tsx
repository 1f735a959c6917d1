/** What a page shows when it has nothing: why, and the way on. */
import { Flex } from "antd";
import type { ReactNode } from "react";

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <Flex vertical align="center" gap={12} style={{ padding: "48px 16px", textAlign: "center" }}>
      <svg width="72" height="72" viewBox="0 0 48 48" aria-hidden="true" fill="none" stroke="currentColor" strokeWidth="1">
        <path d="M31.18 39.41 A17 17 0 1 1 40.63 27.53" strokeLinecap="round" />
        <path d="M24 12.5 L30.5 15.2" />
        <path d="M24 12.5 L30.5 15.2" transform="rotate(120 24 24)" />
        <path d="M24 12.5 L30.5 15.2" transform="rotate(240 24 24)" />
      </svg>
      <strong>{title}</strong>
      {children}
    </Flex>
  );
}
