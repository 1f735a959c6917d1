/** Cuts code into pieces worth a colour: comments, strings, numbers, words of the language. */

export type CodeLanguage = "bash" | "json" | "python" | "javascript" | "toml" | "text";
export type PieceKind = "comment" | "string" | "number" | "word" | "plain";

export interface Piece {
  kind: PieceKind;
  text: string;
}

const WORDS: Record<CodeLanguage, string> = {
  bash: "export|curl|if|then|fi|do|done|for|in|set|cd",
  json: "true|false|null",
  python: "import|from|for|in|if|else|def|return|print|with|as|async|await|None|True|False",
  javascript: "import|from|const|let|for|of|await|async|function|return|new|if|else|null|true|false",
  toml: "true|false",
  text: "(?!)",
};

const COMMENTS: Record<CodeLanguage, string> = {
  bash: "(?:^|(?<=\\s))#[^\\n]*",
  json: "(?!)",
  python: "#[^\\n]*",
  javascript: "//[^\\n]*",
  toml: "#[^\\n]*",
  text: "(?!)",
};

const KINDS = ["string", "comment", "number", "word"] as const;

export function pieces(code: string, language: CodeLanguage): Piece[] {
  if (language === "text") return [{ kind: "plain", text: code }];
  const strings = `"(?:[^"\\\\\\n]|\\\\.)*"|'[^'\\n]*'`;
  const pattern = new RegExp(
    `(${strings})|(${COMMENTS[language]})|(\\b\\d+(?:\\.\\d+)?\\b)|(\\b(?:${WORDS[language]})\\b)`,
    "gm",
  );
  const found: Piece[] = [];
  let seen = 0;
  for (const match of code.matchAll(pattern)) {
    if (match.index > seen) found.push({ kind: "plain", text: code.slice(seen, match.index) });
    const group = KINDS.findIndex((_, index) => match[index + 1] !== undefined);
    found.push({ kind: KINDS[group] ?? "plain", text: match[0] });
    seen = match.index + match[0].length;
  }
  if (seen < code.length) found.push({ kind: "plain", text: code.slice(seen) });
  return found;
}
