/** What a model thinks: open while it does, folded once at its end, and then as the reader left it. */
import { BulbOutlined, LoadingOutlined } from "@ant-design/icons";
import { Think } from "@ant-design/x";
import { memo, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";

import { useFormat } from "@/format";
import type { Thought as Thinking } from "@/playground/reply";

import { Markdown } from "./Markdown";

export const Thought = memo(function Thought({ thought }: { thought: Thinking }) {
  // Null until the reader has folded or unfolded it; nothing but they moves it after that.
  const [chosen, setChosen] = useState<boolean | null>(null);
  const going = thought.ended === null;
  const open = chosen ?? going;
  return (
    <Think
      className="tm-think"
      icon={<BulbOutlined aria-hidden />}
      loading={going ? <LoadingOutlined aria-hidden /> : false}
      expanded={open}
      onExpand={setChosen}
      title={
        // The component's own header cannot be reached by keyboard; a click on the button is one on the header.
        <button type="button" className="tm-plain" aria-expanded={open}>
          <Duration thought={thought} />
        </button>
      }
    >
      <Markdown text={thought.text} />
    </Think>
  );
});

function Duration({ thought: { began, ended } }: { thought: Thinking }) {
  const { t } = useTranslation("playground");
  const format = useFormat();
  const now = useNow(ended === null);
  const seconds = Math.max(0.1, ((ended ?? now) - began) / 1_000);
  return t(ended === null ? "thinking.now" : "thinking.done", { seconds: format.count(Math.round(seconds * 10) / 10) });
}

function useNow(ticking: boolean): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (!ticking) return;
    const timer = setInterval(() => setNow(Date.now()), 100);
    return () => clearInterval(timer);
  }, [ticking]);
  return now;
}
