/** The tools that a model has called: arguments and results to edit, and the button that sends the results back. */
import { SendOutlined, ToolOutlined } from "@ant-design/icons";
import { ThoughtChain } from "@ant-design/x";
import { Button, Flex, Input } from "antd";
import { memo } from "react";
import { useTranslation } from "react-i18next";

import { Code } from "@/parts/Code";
import type { Answered } from "@/playground/machine";
import { callsOf, type Call } from "@/playground/reply";

export interface CallActs {
  rewrite: (id: number, place: string, written: string) => void;
  result: (id: number, place: string, text: string) => void;
  report: () => void;
}

interface Props {
  turn: Answered;
  /** It is the last turn, and nothing has been sent after it. */
  open: boolean;
  acts: CallActs;
}

export const Calls = memo(function Calls({ turn, open, acts }: Props) {
  const { t } = useTranslation("playground");
  const calls = callsOf(turn.reply);
  const editable = open && turn.state === "done";
  const missing = calls.some((call) => (turn.results[call.place] ?? "") === "");
  return (
    <Flex vertical gap={8} className="tm-calls">
      <ThoughtChain
        line={calls.length > 1}
        items={calls.map((call) => ({
          key: call.place,
          icon: <ToolOutlined aria-hidden />,
          title: <span>{t("call.of")} <code>{call.name}</code></span>,
          content: editable ? <Edited call={call} turn={turn} acts={acts} /> : <Written call={call} turn={turn} />,
        }))}
      />
      {editable && (
        <Flex gap={12} align="center" wrap>
          <Button type="primary" icon={<SendOutlined aria-hidden />} disabled={missing} onClick={acts.report}>
            {t("call.send")}
          </Button>
          {missing && <span className="tm-hint">{t("call.missing")}</span>}
        </Flex>
      )}
    </Flex>
  );
});

interface OfCall {
  call: Call;
  turn: Answered;
}

function Edited({ call, turn, acts }: OfCall & { acts: CallActs }) {
  const { t } = useTranslation("playground");
  const faulty = !isJson(call.written);
  return (
    <Flex vertical gap={4}>
      <label className="tm-label" htmlFor={`arguments-${String(turn.id)}-${call.place}`}>
        {t("call.arguments")}
      </label>
      <Input.TextArea
        id={`arguments-${String(turn.id)}-${call.place}`}
        className="tm-grows tm-mono"
        autoSize={false}
        spellCheck={false}
        value={call.written}
        status={faulty ? "warning" : ""}
        onChange={(event) => acts.rewrite(turn.id, call.place, event.target.value)}
      />
      {faulty && <span className="tm-hint">{t("call.faulty")}</span>}
      <label className="tm-label" htmlFor={`result-${String(turn.id)}-${call.place}`}>
        {t("call.result")}
      </label>
      <Input.TextArea
        id={`result-${String(turn.id)}-${call.place}`}
        className="tm-grows tm-mono"
        autoSize={false}
        spellCheck={false}
        placeholder={t("call.resultHint")}
        value={turn.results[call.place] ?? ""}
        onChange={(event) => acts.result(turn.id, call.place, event.target.value)}
      />
    </Flex>
  );
}

function Written({ call, turn }: OfCall) {
  const { t } = useTranslation("playground");
  const result = turn.results[call.place] ?? "";
  return (
    <Flex vertical gap={4}>
      <Code code={call.written || "{}"} language="json" label={`${t("call.arguments")}, ${call.name}`} />
      {result !== "" && <Code code={result} language="json" label={`${t("call.result")}, ${call.name}`} />}
    </Flex>
  );
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text || "{}");
    return true;
  } catch {
    return false;
  }
}
