/** The frame of the pages before one is signed in. */
import { Flex } from "antd";
import { useEffect, type ReactNode } from "react";

import { Logo } from "@/parts/Logo";
import { LanguageSwitch, ThemeSwitch } from "@/shell/Switches";

interface Props {
  title: string;
  /** One sentence below the title. */
  about?: ReactNode;
  /** What else one may want, below the card. */
  below?: ReactNode;
  children: ReactNode;
}

export function EntryFrame({ title, about, below, children }: Props) {
  useEffect(() => {
    document.title = `${title} · TokenMill`;
  }, [title]);
  return (
    <main className="tm-entry">
      <Stone />
      <Flex vertical gap={20} className="tm-entry-card">
        <Flex justify="space-between" align="center">
          <Flex align="center" gap={10}>
            <Logo size={40} />
            <strong className="tm-wordmark">TokenMill</strong>
          </Flex>
          <Flex>
            <LanguageSwitch known={false} />
            <ThemeSwitch />
          </Flex>
        </Flex>
        <div className="tm-panel tm-entry-box">
          <h1>{title}</h1>
          {about !== undefined && <p className="tm-entry-about">{about}</p>}
          {children}
        </div>
        {below !== undefined && (
          <Flex justify="center" gap={8} wrap>
            {below}
          </Flex>
        )}
      </Flex>
    </main>
  );
}

/** The mill stone of the logo, large and faint, half beyond the edge. */
function Stone() {
  return (
    <svg className="tm-entry-stone" viewBox="0 0 48 48" aria-hidden="true" focusable="false" fill="none" stroke="currentColor">
      <path d="M31.18 39.41 A17 17 0 1 1 40.63 27.53" strokeWidth="4.5" strokeLinecap="round" />
      {[0, 120, 240].map((angle) => (
        <path
          key={angle}
          d="M24 12.5 L30.5 15.2"
          strokeWidth="3"
          strokeLinecap="round"
          transform={`rotate(${String(angle)} 24 24)`}
        />
      ))}
      <path d="M18.7 29.3 A9.2 9.2 0 0 1 29.3 18.7 A9.2 9.2 0 0 1 18.7 29.3 Z" fill="currentColor" stroke="none" />
    </svg>
  );
}
