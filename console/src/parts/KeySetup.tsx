/** A new key in what one pastes next, ready filled in; stands below the key while it is shown. */
import { Tabs } from "antd";
import { useTranslation } from "react-i18next";

import { Code } from "./Code";
import { claudeSnippet, curlSnippet, envSnippet, type Access } from "./snippets";

export function KeySetup({ access }: { access: Access }) {
  const { t } = useTranslation();
  return (
    <Tabs
      size="small"
      items={[
        { key: "curl", label: "curl", children: <Code language="bash" label="curl" code={curlSnippet(access)} /> },
        {
          key: "claude",
          label: "Claude Code",
          children: (
            <>
              <p style={{ margin: "0 0 8px" }}>{t("pasteInto", { file: "~/.claude/settings.json" })}</p>
              <Code language="json" label="Claude Code" code={claudeSnippet(access)} />
            </>
          ),
        },
        { key: "env", label: ".env", children: <Code language="bash" label=".env" code={envSnippet(access)} /> },
      ]}
    />
  );
}
