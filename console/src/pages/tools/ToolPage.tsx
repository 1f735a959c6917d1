/** How one coding agent is set up: pick purse and model, copy, start, and see it arrive. */
import { Card, Flex, Segmented, Select } from "antd";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Link, useParams, useSearchParams } from "react-router";

import { keysQuery, type Key } from "@/api/queries/keys";
import { modelsQuery } from "@/api/queries/models";
import { toolQuery, type KeyKind, type ToolGuide, type Wire } from "@/api/queries/tools";
import { Code } from "@/parts/Code";
import { CopyField } from "@/parts/CopyField";
import { LinkButton } from "@/parts/LinkButton";
import { Loaded } from "@/parts/Loaded";
import { Page } from "@/parts/Page";
import type { CodeLanguage } from "@/parts/highlighting";
import { usePreferences } from "@/preferences";

import { AddressCheck } from "./AddressCheck";
import { Arrival } from "./Arrival";

const LANGUAGES: Record<string, CodeLanguage> = { json: "json", toml: "toml", yaml: "text", env: "bash" };

export default function ToolPage() {
  const { t } = useTranslation("tools");
  const { tool = "" } = useParams();
  const [search, setSearch] = useSearchParams();
  const wanted = {
    purse: (search.get("purse") === "tp" ? "tp" : "sk") as KeyKind,
    model: search.get("model"),
    wire: search.get("wire") as Wire | null,
  };
  const query = useQuery(toolQuery(tool, wanted));
  const put = (name: string, value: string) =>
    setSearch((before) => new URLSearchParams([...before].filter(([each]) => each !== name).concat([[name, value]])), {
      replace: true,
    });
  return (
    <Page title={query.data?.name ?? tool} about={<Link to="/tools">{t("title")}</Link>}>
      <Loaded query={query} rows={10}>
        {(guide) => (
          <Flex vertical gap={16}>
            <Choices guide={guide} purse={wanted.purse} put={put} />
            <Keys purse={wanted.purse} placeholder={guide.placeholder} />
            <Commands guide={guide} />
            <Files guide={guide} />
            <Arrival tool={guide} purse={wanted.purse} />
            <Notes guide={guide} purse={wanted.purse} />
          </Flex>
        )}
      </Loaded>
    </Page>
  );
}

interface ChoicesProps {
  guide: ToolGuide;
  purse: KeyKind;
  put: (name: string, value: string) => void;
}

function Choices({ guide, purse, put }: ChoicesProps) {
  const { t } = useTranslation(["tools", "common"]);
  const { data: models } = useQuery(modelsQuery);
  const here = guide.wires.find((each) => each.wire === guide.wire);
  return (
    <Card size="small">
      <Flex gap={12} wrap align="center">
        <Segmented<KeyKind>
          aria-label={t("purse")}
          value={purse}
          onChange={(value) => put("purse", value)}
          options={[
            { value: "sk", label: t("common:purse.wallet") },
            { value: "tp", label: t("common:purse.plan") },
          ]}
        />
        <Select
          value={guide.model}
          aria-label={t("model")}
          onChange={(value) => put("model", value)}
          options={(models ?? []).map((model) => ({ value: model.id, label: model.id }))}
          style={{ minWidth: 200 }}
        />
        {guide.wires.length > 1 && (
          <Select<Wire>
            value={guide.wire}
            aria-label={t("protocol")}
            onChange={(value) => put("wire", value)}
            options={guide.wires.map((each) => ({ value: each.wire, label: each.name }))}
            style={{ minWidth: 200 }}
          />
        )}
        {here !== undefined && <CopyField label={`Base URL · ${here.name}`} value={here.base_url} />}
      </Flex>
    </Card>
  );
}

function Keys({ purse, placeholder }: { purse: KeyKind; placeholder: string }) {
  const { t } = useTranslation("tools");
  const { data: keys } = useQuery(keysQuery);
  const usable = (keys ?? []).filter((key) => isUsable(key, purse));
  return (
    <section>
      <h2>1 · {t("step.key")}</h2>
      {usable.length > 0 ? (
        <p>
          {t("yourKeys")} {usable.map((key) => `${key.name} (${key.shown})`).join(", ")}
        </p>
      ) : (
        <p>{t(purse === "sk" ? "noKey" : "noPlan")}</p>
      )}
      <p>
        {t("placeholder", { placeholder })}{" "}
        <LinkButton size="small" to={purse === "sk" ? "/keys" : "/plan"}>
          {t(purse === "sk" ? "toKeys" : "toPlan")}
        </LinkButton>
      </p>
    </section>
  );
}

const isUsable = (key: Key, purse: KeyKind): boolean => key.kind === purse && key.state === "active";

function Commands({ guide }: { guide: ToolGuide }) {
  const { t } = useTranslation("tools");
  return (
    <section>
      <h2>2 · {t("step.connect")}</h2>
      <p>{t("install")}</p>
      <Code language="bash" label={t("install")} code={guide.install} />
      <p>{t("connect")}</p>
      <Code language="bash" label={t("step.connect")} code={guide.connect} />
    </section>
  );
}

function Files({ guide }: { guide: ToolGuide }) {
  const { t } = useTranslation("tools");
  return (
    <section>
      <h2>{t("byHand")}</h2>
      {guide.files.map((file) => (
        <div key={file.place}>
          <p>
            <code className="tm-mono">{file.place}</code>
            {file.others.length > 0 && ` (${t("orAt", { places: file.others.join(", ") })})`}
          </p>
          <Code language={LANGUAGES[file.format] ?? "text"} label={file.place} code={file.text} />
        </div>
      ))}
      <p>{t("start")}</p>
      <Code language="bash" label={t("start")} code={guide.start} />
    </section>
  );
}

function Notes({ guide, purse }: { guide: ToolGuide; purse: KeyKind }) {
  const { t } = useTranslation("tools");
  const { language } = usePreferences();
  return (
    <section>
      <h2>{t("mistakes")}</h2>
      <ul>
        {guide.wires.some((each) => each.wire === "messages") && <li>{t("mistake.anthropicV1")}</li>}
        <li>{t(purse === "sk" ? "mistake.planUrl" : "mistake.walletUrl")}</li>
        {guide.notes.map((note) => (
          <li key={note.en}>
            <Marked text={language === "zh-CN" ? note.zh : note.en} />
          </li>
        ))}
      </ul>
      <AddressCheck guide={guide} purse={purse} />
    </section>
  );
}

/** A text in which code stands between backticks. */
function Marked({ text }: { text: string }) {
  return text.split("`").map((piece, index) => (index % 2 === 0 ? piece : <code key={index} className="tm-mono">{piece}</code>));
}
