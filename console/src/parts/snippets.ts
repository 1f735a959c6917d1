/** What one pastes elsewhere to use a key: a curl line, Claude Code's settings, an `.env` file. */

export interface Access {
  key: string;
  /** Base URLs, without a slash at the end. */
  openai: string;
  anthropic: string;
  model: string;
}

export const curlSnippet = ({ key, openai, model }: Access): string => `curl ${openai}/chat/completions \\
  -H "Authorization: Bearer ${key}" \\
  -H "Content-Type: application/json" \\
  -d '${JSON.stringify({ model, messages: [{ role: "user", content: "Hello" }] })}'`;

/** For `~/.claude/settings.json`; the same members that `tokenmill connect claude-code` writes. */
export const claudeSnippet = ({ key, anthropic, model }: Access): string =>
  JSON.stringify(
    {
      env: {
        ANTHROPIC_BASE_URL: anthropic,
        ANTHROPIC_AUTH_TOKEN: key,
        ANTHROPIC_MODEL: model,
        ANTHROPIC_DEFAULT_OPUS_MODEL: model,
        ANTHROPIC_DEFAULT_SONNET_MODEL: model,
        ANTHROPIC_DEFAULT_HAIKU_MODEL: model,
      },
    },
    null,
    2,
  );

export const envSnippet = ({ key, openai, anthropic }: Access): string =>
  [
    `OPENAI_BASE_URL=${openai}`,
    `OPENAI_API_KEY=${key}`,
    `ANTHROPIC_BASE_URL=${anthropic}`,
    `ANTHROPIC_AUTH_TOKEN=${key}`,
  ].join("\n");
