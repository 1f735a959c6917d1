/** Shows Markdown as elements, block by block: only the block that grows is drawn anew. */
import { Checkbox } from "antd";
import { createContext, memo, useContext, useMemo, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { Code } from "@/parts/Code";
import type { CodeLanguage } from "@/parts/highlighting";
import { blockOf, isHere, isSafe, NOTHING_SPLIT, split, type Block, type Inline } from "@/playground/markdown";
import type { Source } from "@/playground/reply";

const NONE: readonly Source[] = [];
const Sources = createContext(NONE);

const LANGUAGES: Record<string, CodeLanguage> = {
  bash: "bash", sh: "bash", shell: "bash", zsh: "bash", console: "bash", json: "json", python: "python", py: "python",
  javascript: "javascript", js: "javascript", jsx: "javascript", typescript: "javascript", ts: "javascript",
  tsx: "javascript", toml: "toml", ini: "toml",
};

/** Characters; looking for words to colour would take longer than a frame. */
const LONGEST_COLOURED = 20_000;

interface Props {
  text: string;
  sources?: readonly Source[];
}

export const Markdown = memo(function Markdown({ text, sources = NONE }: Props) {
  const blocks = useSplit(text);
  return (
    <Sources value={sources}>
      <div className="tm-prose">
        {groupsOf(blocks).map((sources, index) => (
          <Group key={index} sources={sources} />
        ))}
      </div>
    </Sources>
  );
});

/** Blocks that are drawn, and left undrawn while out of sight, together. */
const GROUP = 32;

const groupsOf = (sources: readonly string[]): (readonly string[])[] =>
  Array.from({ length: Math.ceil(sources.length / GROUP) }, (_, index) => sources.slice(index * GROUP, (index + 1) * GROUP));

/** The thousands of blocks of a long answer are compared as text, and not one is touched that stayed the same. */
const Group = memo(
  function Group({ sources }: { sources: readonly string[] }) {
    return (
      <div className="tm-prose-group">
        {sources.map((source, index) => (
          <Part key={index} source={source} />
        ))}
      </div>
    );
  },
  (before, after) =>
    before.sources.length === after.sources.length && before.sources.every((source, index) => source === after.sources[index]),
);

/** What was cut before is not cut again: a cache, with which the same text has the same blocks as without. */
function useSplit(text: string): readonly string[] {
  const [cut] = useState(cutter);
  return useMemo(() => cut(text), [cut, text]);
}

function cutter(): (text: string) => readonly string[] {
  let before = NOTHING_SPLIT;
  return (text) => (before = split(before, text)).sources;
}

const Part = memo(function Part({ source }: { source: string }) {
  const block = useMemo(() => blockOf(source), [source]);
  return <Shown block={block} />;
});

function Shown({ block }: { block: Block }) {
  switch (block.kind) {
    case "paragraph":
      return <p><Line line={block.line} /></p>;
    case "heading": {
      // The page has its title already, and its sections.
      const Heading = (["h3", "h4", "h5", "h6"] as const)[Math.min(block.level, 4) - 1] ?? "h6";
      return <Heading><Line line={block.line} /></Heading>;
    }
    case "code":
      return <Fence language={block.language} code={block.code} />;
    case "quote":
      return <blockquote>{block.blocks.map((inner, index) => <Shown key={index} block={inner} />)}</blockquote>;
    case "rule":
      return <hr />;
    case "list":
      return <ListOf block={block} />;
    case "table":
      return <TableOf block={block} />;
  }
}

function Fence({ language, code }: { language: string; code: string }) {
  const { t } = useTranslation("playground");
  const known = code.length > LONGEST_COLOURED ? "text" : (LANGUAGES[language] ?? "text");
  return <Code code={code} language={known} label={language === "" ? t("code.block") : t("code.blockIn", { language })} />;
}

function ListOf({ block }: { block: Extract<Block, { kind: "list" }> }) {
  const items = block.items.map(({ done, blocks }, index) => (
    <li key={index} className={done === null ? undefined : "tm-task"}>
      {done !== null && <Checkbox checked={done} disabled aria-label={done ? "☑" : "☐"} />}
      {blocks.map((inner, place) =>
        // An item of one paragraph stands without its distances.
        inner.kind === "paragraph" && place === 0 ? <Line key={place} line={inner.line} /> : <Shown key={place} block={inner} />,
      )}
    </li>
  ));
  return block.start === null ? <ul>{items}</ul> : <ol start={block.start}>{items}</ol>;
}

function TableOf({ block }: { block: Extract<Block, { kind: "table" }> }) {
  const { t } = useTranslation("playground");
  return (
    <div className="tm-prose-table" role="region" aria-label={t("table")} tabIndex={0}>
      <table>
        <thead>
          <tr>
            {block.head.map((cell, index) => (
              <th key={index} scope="col" style={{ textAlign: block.aligns[index] }}><Line line={cell} /></th>
            ))}
          </tr>
        </thead>
        <tbody>
          {block.rows.map((row, index) => (
            <tr key={index}>
              {row.map((cell, place) => (
                <td key={place} style={{ textAlign: block.aligns[place] }}><Line line={cell} /></td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const Line = memo(function Line({ line }: { line: readonly Inline[] }): ReactNode {
  return line.map((piece, index) => <Piece key={index} piece={piece} />);
});

function Piece({ piece }: { piece: Inline }): ReactNode {
  switch (piece.kind) {
    case "text":
      return piece.text;
    case "code":
      return <code>{piece.text}</code>;
    case "strong":
      return <strong><Line line={piece.inner} /></strong>;
    case "emphasis":
      return <em><Line line={piece.inner} /></em>;
    case "deleted":
      return <del><Line line={piece.inner} /></del>;
    case "break":
      return <br />;
    case "mark":
      return <Mark number={piece.number} />;
    case "image":
      // An image elsewhere would tell its server who reads this.
      return isHere(piece.url) ? <img src={piece.url} alt={piece.alt} /> : <Away url={piece.url}>{piece.alt || piece.url}</Away>;
    case "link":
      return <Away url={piece.url}><Line line={piece.inner} /></Away>;
  }
}

function Away({ url, children }: { url: string; children: ReactNode }) {
  if (!isSafe(url)) return children;
  return <a href={url} target="_blank" rel="noopener noreferrer">{children}</a>;
}

function Mark({ number }: { number: number }) {
  const source = useContext(Sources)[number - 1];
  const mark = `[${String(number)}]`;
  if (source === undefined) return mark;
  return <sup><a href={source.url} target="_blank" rel="noopener noreferrer" title={source.title}>{mark}</a></sup>;
}
