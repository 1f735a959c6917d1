/** Does the model answer me? One conversation, all that one may choose, and the same as code. */
import { CodeOutlined, ControlOutlined, PlusOutlined, UnorderedListOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { Button, Drawer } from "antd";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import "@/style/playground.css";
import { keysQuery, type Key } from "@/api/queries/keys";
import { modelsQuery, type Model } from "@/api/queries/models";
import { firstStepsQuery } from "@/api/queries/overview";
import { Empty } from "@/parts/Empty";
import { Loaded } from "@/parts/Loaded";
import { Page } from "@/parts/Page";
import { useWidth } from "@/parts/useWidth";
import type { Asked, Turn } from "@/playground/machine";
import { runningTurn } from "@/playground/machine";
import { WIDE } from "@/style/tokens";

import { Cards, type Card } from "./Cards";
import { keyOf, modelOf, useChosen, usableKeys, type Chosen } from "./choice";
import { CodeDrawer } from "./CodeDrawer";
import { Composer, type Draft } from "./Composer";
import { Conversation } from "./Conversation";
import { EXAMPLE_TOOLS } from "./examples";
import { faultIn, Parameters } from "./Parameters";
import { RawDrawer } from "./RawDrawer";
import { useAnnounced } from "./useAnnounced";
import { usePlayground } from "./usePlayground";

export default function PlaygroundPage() {
  const { t } = useTranslation("playground");
  const models = useQuery(modelsQuery);
  const keys = useQuery(keysQuery);
  return (
    <Loaded query={models}>
      {(offered) => (
        <Loaded query={keys}>
          {(held) => {
            if (offered.length === 0) return <Page title={t("title")}><Empty title={t("noModel")} /></Page>;
            return usableKeys(held).length === 0 ? <NoKey /> : <Room models={offered} keys={held} />;
          }}
        </Loaded>
      )}
    </Loaded>
  );
}

function NoKey() {
  const { t } = useTranslation("playground");
  return (
    <Page title={t("title")}>
      <Empty title={t("noKey")}>
        <span className="tm-hint">{t("noKeyHint")}</span>
        <Link to="/keys"><Button type="primary" icon={<PlusOutlined aria-hidden />} tabIndex={-1}>{t("newKey")}</Button></Link>
      </Empty>
    </Page>
  );
}

interface RoomProps {
  models: readonly Model[];
  keys: readonly Key[];
}

type Panel = "parameters" | "code" | "raw";

function Room({ models, keys }: RoomProps) {
  const { t } = useTranslation("playground");
  const wide = useWidth(WIDE);
  const [chosen, setChosen] = useChosen();
  const [draft, setDraft] = useState<Draft>(() => ({ text: "", files: [] }));
  const [panel, setPanel] = useState<Panel | null>(null);
  const sending = keyOf(keys, chosen.key);
  const model = modelOf(models, chosen.wishes.model, sending);
  const wishes = useMemo(() => ({ ...chosen.wishes, model: model?.id ?? "", search: chosen.wishes.search && (model?.web_search ?? false) }), [chosen.wishes, model]);
  const playground = usePlayground({ keyId: sending?.id ?? "", protocol: chosen.protocol, wishes });
  const { conversation, ask, report, again, rewrite, result } = playground;
  const acts = useMemo(() => ({ report, again, rewrite, result }), [report, again, rewrite, result]);
  const running = runningTurn(conversation) !== null;
  useAnnounced(conversation);
  if (sending === undefined || model === undefined) return null;

  function onSend(): void {
    if (faultIn(wishes.tools) !== null) return setPanel(wide ? null : "parameters");
    ask(draft.text, draft.files);
    setDraft({ text: "", files: [] });
  }
  function onTake(card: Card): void {
    setDraft((before) => ({ ...before, text: t(`cards.${card}.prompt`) }));
    setChosen((before) => ({ ...before, wishes: { ...before.wishes, ...WISHES[card] } }));
  }
  const parameters = <Parameters chosen={chosen} onChange={setChosen} models={models} keys={usableKeys(keys)} model={model} sending={sending} />;
  return (
    <Page title={t("title")} actions={<Actions wide={wide} empty={conversation.turns.length === 0} onNew={playground.clear} onPanel={setPanel} />}>
      <div className="tm-play">
        <section className="tm-chat" aria-label={t("chat")}>
          <Conversation turns={conversation.turns} acts={acts}>
            <Cards model={model} onTake={onTake} />
          </Conversation>
          <Composer draft={draft} onDraft={setDraft} running={running} disabled={faultIn(wishes.tools) !== null} onSend={onSend} onStop={playground.stop} />
        </section>
        {wide ? (
          <aside className="tm-side" aria-label={t("parameters")} tabIndex={0}>{parameters}</aside>
        ) : (
          <Drawer open={panel === "parameters"} onClose={() => setPanel(null)} title={t("parameters")} size="min(100%, 400px)">
            {parameters}
          </Drawer>
        )}
      </div>
      <CodeOf open={panel === "code"} onClose={() => setPanel(null)} sending={sending} wishes={wishes} draft={draft} turns={conversation.turns} protocol={chosen.protocol} />
      <RawDrawer open={panel === "raw"} onClose={() => setPanel(null)} raw={playground.raw} />
    </Page>
  );
}

const WISHES: Record<Card, Partial<Chosen["wishes"]>> = {
  think: { thinking: "on" },
  tool: { tools: EXAMPLE_TOOLS },
  search: { search: true },
  image: {},
};

interface ActionsProps {
  wide: boolean;
  empty: boolean;
  onNew: () => void;
  onPanel: (panel: Panel) => void;
}

function Actions({ wide, empty, onNew, onPanel }: ActionsProps) {
  const { t } = useTranslation("playground");
  const label = (text: string): { children: string } | { "aria-label": string } => (wide ? { children: text } : { "aria-label": text });
  return (
    <>
      <Button icon={<PlusOutlined aria-hidden />} disabled={empty} onClick={onNew} {...label(t("new"))} />
      <Button icon={<CodeOutlined aria-hidden />} onClick={() => onPanel("code")} {...label(t("code.open"))} />
      <Button icon={<UnorderedListOutlined aria-hidden />} onClick={() => onPanel("raw")} {...label(t("raw.open"))} />
      {!wide && <Button icon={<ControlOutlined aria-hidden />} onClick={() => onPanel("parameters")}>{t("parameters")}</Button>}
    </>
  );
}

interface CodeOfProps {
  open: boolean;
  onClose: () => void;
  sending: Key;
  wishes: Chosen["wishes"];
  draft: Draft;
  turns: readonly Turn[];
  protocol: Chosen["protocol"];
}

/** What would be sent now, or was sent last. */
function CodeOf({ sending, draft, turns, ...rest }: CodeOfProps) {
  const { t } = useTranslation("playground");
  const steps = useQuery(firstStepsQuery);
  const urls = steps.data?.base_urls;
  if (urls === undefined) return null;
  const plan = sending.kind === "tp";
  const addresses = { openai: plan ? urls.plan_openai : urls.openai, anthropic: plan ? urls.plan_anthropic : urls.anthropic };
  const drafted: Asked = { role: "user", id: 0, text: draft.text, files: draft.files };
  const written = draft.text.trim() !== "" || draft.files.length > 0;
  const asked = turns.at(-1)?.role === "assistant" ? turns.slice(0, -1) : turns;
  const sent = written ? [...turns, drafted] : asked.length > 0 ? asked : [{ ...drafted, text: t("hello") }];
  return <CodeDrawer {...rest} turns={sent} addresses={addresses} />;
}
