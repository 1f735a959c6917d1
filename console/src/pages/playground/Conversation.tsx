/** The turns of a conversation; it follows what is new only while the reader is at its end. */
import { ArrowDownOutlined } from "@ant-design/icons";
import { Bubble } from "@ant-design/x";
import { Button, Flex } from "antd";
import { memo, useCallback, useEffect, useRef, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import type { Asked, Turn } from "@/playground/machine";

import { Answer, type Acts } from "./Answer";
import { FileShown } from "./Composer";

/** Turns that are shown; older ones still go along with each request. */
const MOST = 200;
/** Pixels from the end within which one is still at it. */
const NEAR = 4;

interface Props {
  turns: readonly Turn[];
  acts: Acts;
  /** What stands there before anything was said. */
  children: ReactNode;
}

export function Conversation({ turns, acts, children }: Props) {
  const { t } = useTranslation("playground");
  const { box, inner, away, onScroll, toEnd } = useFollowing();
  const asked = turns.findLast((turn) => turn.role === "user")?.id;
  useEffect(() => {
    // Whoever asks wants to see the answer.
    if (asked !== undefined) toEnd();
  }, [asked, toEnd]);
  const shown = turns.slice(-MOST);
  return (
    <div className="tm-conversation">
      <div ref={box} className="tm-scroll" onScroll={onScroll} role="region" aria-label={t("conversation")} tabIndex={0}>
        <div ref={inner} className="tm-turns">
          {turns.length === 0 && children}
          {turns.length > MOST && <span className="tm-hint">{t("older", { count: turns.length - MOST })}</span>}
          {shown.map((turn, index) => (
            <div key={turn.id} className="tm-turn">
              {turn.role === "user" ? (
                <Question turn={turn} />
              ) : (
                <Answer turn={turn} last={index === shown.length - 1} acts={acts} />
              )}
            </div>
          ))}
        </div>
      </div>
      {away && (
        <Button shape="circle" className="tm-to-end" icon={<ArrowDownOutlined aria-hidden />} aria-label={t("toEnd")} title={t("toEnd")} onClick={toEnd} />
      )}
    </div>
  );
}

const Question = memo(function Question({ turn }: { turn: Asked }) {
  return (
    <Bubble
      placement="end"
      content={
        <Flex vertical gap={8}>
          {turn.files.length > 0 && (
            <Flex gap={8} wrap>
              {turn.files.map((file, index) => (
                <FileShown key={index} file={file} />
              ))}
            </Flex>
          )}
          {turn.text !== "" && <div className="tm-said">{turn.text}</div>}
        </Flex>
      }
    />
  );
});

/** Keeps the end in sight while it grows, until the reader scrolls up, and again once they are back. */
function useFollowing() {
  const box = useRef<HTMLDivElement>(null);
  const inner = useRef<HTMLDivElement>(null);
  const following = useRef(true);
  const top = useRef(0);
  const [away, setAway] = useState(false);
  const toEnd = useCallback(() => {
    following.current = true;
    setAway(false);
    if (box.current !== null) box.current.scrollTop = box.current.scrollHeight;
  }, []);
  const onScroll = useCallback(() => {
    const element = box.current;
    if (element === null) return;
    const left = element.scrollHeight - element.clientHeight - element.scrollTop;
    // Only the reader moves it up; what grows below them does not.
    following.current = left <= NEAR || (following.current && element.scrollTop >= top.current);
    top.current = element.scrollTop;
    setAway(!following.current);
  }, []);
  useEffect(() => {
    if (inner.current === null || box.current === null) return;
    // Before the frame is drawn, so that nothing is seen to jump.
    const observer = new ResizeObserver(() => {
      if (following.current && box.current !== null) box.current.scrollTop = box.current.scrollHeight;
    });
    observer.observe(inner.current);
    observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  return { box, inner, away, onScroll, toEnd };
}
