/** One answer of a model: what it thought, searched, said and called, how it ended, and what that cost. */
import { GlobalOutlined, LinkOutlined, RedoOutlined } from "@ant-design/icons";
import { Bubble, Sources } from "@ant-design/x";
import { Alert, Button, Flex } from "antd";
import type { TFunction } from "i18next";
import { memo, useState } from "react";
import { useTranslation } from "react-i18next";

import { CopyButton } from "@/parts/CopyButton";
import { CopyField } from "@/parts/CopyField";
import type { Answered } from "@/playground/machine";
import { wordsOf, type Failure, type Part, type Search, type Source } from "@/playground/reply";

import { Calls, type CallActs } from "./Calls";
import { Markdown } from "./Markdown";
import { Thought } from "./Thought";
import { UsageLine } from "./UsageLine";

export interface Acts extends CallActs {
  again: () => void;
}

interface Props {
  turn: Answered;
  last: boolean;
  acts: Acts;
}

export const Answer = memo(function Answer({ turn, last, acts }: Props) {
  const running = turn.state === "running";
  return (
    <Bubble
      className="tm-answer"
      placement="start"
      variant="borderless"
      content={<Said turn={turn} last={last} acts={acts} />}
      footer={running ? null : <Footer turn={turn} last={last} again={acts.again} />}
    />
  );
});

function Said({ turn, last, acts }: Props) {
  const { t } = useTranslation("playground");
  const { parts, sources } = turn.reply;
  const calls = parts.some((part) => part.kind === "call");
  return (
    <Flex vertical gap={12} style={{ minWidth: 0 }}>
      {turn.state === "running" && parts.length === 0 && <Waiting />}
      {parts.map((part) => (
        <Piece key={`${part.kind}-${part.place}`} part={part} sources={sources} />
      ))}
      {sources.length > 0 && <SourceList sources={sources} />}
      {calls && <Calls turn={turn} open={last} acts={acts} />}
      <Ending turn={turn} />
      {turn.state === "stopped" && <span className="tm-hint">{t("stopped")}</span>}
    </Flex>
  );
}

function Waiting() {
  const { t } = useTranslation("playground");
  return (
    <span className="tm-waiting" role="status">
      <span aria-hidden className="tm-dots"><i /><i /><i /></span>
      {t("waiting")}
    </span>
  );
}

const Piece = memo(function Piece({ part, sources }: { part: Part; sources: readonly Source[] }) {
  const { t } = useTranslation("playground");
  switch (part.kind) {
    case "thought":
      return <Thought thought={part} />;
    case "words":
      return <Markdown text={part.text} sources={sources} />;
    case "refusal":
      return <Alert type="warning" showIcon title={t("refused")} description={part.text} />;
    case "search":
      return (
        <span className="tm-hint">
          <GlobalOutlined aria-hidden /> {searchText(t, part)}
        </span>
      );
    case "call":
      return null;
  }
});

function searchText(t: TFunction<"playground">, { query, done, failed }: Search): string {
  if (failed !== "") return t("searchFailed", { why: failed });
  if (query !== "") return t("searched", { query });
  return t(done ? "searchedAny" : "searching");
}

function SourceList({ sources }: { sources: readonly Source[] }) {
  const { t } = useTranslation("playground");
  const [open, setOpen] = useState(true);
  return (
    <Sources
      className="tm-sources"
      expanded={open}
      onExpand={setOpen}
      title={
        <button type="button" className="tm-plain" aria-expanded={open}>
          {t("sources", { count: sources.length })}
        </button>
      }
      items={sources.map((source, index) => ({
        key: source.url,
        url: source.url,
        icon: <LinkOutlined aria-hidden />,
        title: `[${String(index + 1)}] ${source.title}${source.site === "" ? "" : ` · ${source.site}`}`,
      }))}
    />
  );
}

/** How it ended, when that is not as one hopes. */
function Ending({ turn }: { turn: Answered }) {
  const { t } = useTranslation("playground");
  const { stop, failure } = turn.reply;
  if (failure !== null) return <Failed failure={failure} />;
  if (turn.state === "running") return null;
  if (stop === "filtered") return <Alert type="warning" showIcon title={t("filtered.title")} description={t("filtered.why")} />;
  if (stop === "length") return <Alert type="info" showIcon title={t("cut")} />;
  const empty = turn.state === "done" && turn.reply.parts.length === 0;
  return empty ? <Alert type="info" showIcon title={t("empty")} /> : null;
}

/** Messages have no code for it; its words are the same in all protocols. */
const isVerdict = ({ code, message }: Failure): boolean =>
  code === "421" || code === "content_filter" || message.startsWith("Moderation Block");

function Failed({ failure }: { failure: Failure }) {
  const { t } = useTranslation(["playground", "common"]);
  const verdict = isVerdict(failure);
  const away = failure.status === 0;
  return (
    <Alert
      type={verdict ? "warning" : "error"}
      showIcon
      title={verdict ? t("filtered.title") : away ? t("common:error.network") : failure.message}
      description={
        <Flex vertical gap={4}>
          {verdict && <span>{failure.message}</span>}
          <span>
            <code>{failure.code}</code>
            {failure.status >= 400 && ` · HTTP ${String(failure.status)}`}
          </span>
          {failure.requestId !== "" && <CopyField label={t("common:error.requestId")} value={failure.requestId} inline />}
        </Flex>
      }
    />
  );
}

function Footer({ turn, last, again }: { turn: Answered; last: boolean; again: () => void }) {
  const { t } = useTranslation("playground");
  const words = wordsOf(turn.reply);
  return (
    <Flex align="center" gap={4} wrap className="tm-footer">
      {words !== "" && <CopyButton value={words} label={t("answer")} />}
      {last && !turn.resultsSent && (
        <Button type="text" size="small" icon={<RedoOutlined aria-hidden />} aria-label={t("again")} title={t("again")} onClick={again} />
      )}
      <UsageLine turn={turn} />
    </Flex>
  );
}
