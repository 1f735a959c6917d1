/** The frame of every page: its title, its first action, its words about time. */
import { Flex } from "antd";
import { useEffect, useRef, type ReactNode } from "react";

interface Props {
  title: string;
  /** What one comes here for, beside the title. */
  actions?: ReactNode;
  /** One line below the title. */
  about?: ReactNode;
  children: ReactNode;
}

export function Page({ title, actions, about, children }: Props) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · TokenMill`;
  }, [title]);
  useEffect(() => {
    heading.current?.focus({ preventScroll: true });
  }, []);
  return (
    <div className="tm-page">
      <Flex justify="space-between" align="center" gap={12} wrap style={{ marginBottom: 16 }}>
        <div>
          <h1 ref={heading} tabIndex={-1}>
            {title}
          </h1>
          {about !== undefined && <div style={{ color: "var(--tm-color-text-secondary)" }}>{about}</div>}
        </div>
        {actions !== undefined && (
          <Flex gap={8} wrap>
            {actions}
          </Flex>
        )}
      </Flex>
      {children}
    </div>
  );
}
