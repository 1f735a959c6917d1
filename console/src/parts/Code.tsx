/** A block of code, lightly coloured, with a button that copies it. */
import { Flex } from "antd";
import { useMemo } from "react";

import { CopyButton } from "./CopyButton";
import { pieces, type CodeLanguage } from "./highlighting";

interface Props {
  code: string;
  language: CodeLanguage;
  label: string;
}

export function Code({ code, language, label }: Props) {
  const parts = useMemo(() => pieces(code, language), [code, language]);
  return (
    <div style={{ position: "relative", minWidth: 0 }}>
      <Flex className="tm-code-copy">
        <CopyButton value={code} label={label} />
      </Flex>
      <pre className="tm-code" tabIndex={0} role="region" aria-label={label}>
        <code>
          {parts.map((part, index) => (
            <span key={index} className={part.kind === "plain" ? undefined : `tm-code-${part.kind}`}>
              {part.text}
            </span>
          ))}
        </code>
      </pre>
    </div>
  );
}
