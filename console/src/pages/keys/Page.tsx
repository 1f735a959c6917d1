/** Which keys exist, what each was used for, and what will end. */
import { PlusOutlined, SearchOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { Button, Flex, Input, Select } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useSearchParams } from "react-router";

import { keysQuery, type Key, type KeyMade } from "@/api/queries/keys";
import { DataTable, type Column } from "@/parts/DataTable";
import { Empty } from "@/parts/Empty";
import { Loaded } from "@/parts/Loaded";
import { Page } from "@/parts/Page";
import { SecretOnce } from "@/parts/SecretOnce";

import { Cap, endsSoon, LastUsed, Name, State, Used } from "./cells";
import { EditKey } from "./EditKey";
import { EndKey } from "./EndKey";
import { KeyActions } from "./KeyActions";
import { NewKey } from "./NewKey";
import { NextSteps } from "./NextSteps";
import { NoKey } from "./NoKey";

type Dialog = { kind: "edit"; key: Key } | { kind: "delete" | "reset"; key: Key } | { kind: "made"; made: KeyMade };

const STATES = ["active", "expiring", "expired", "disabled"] as const;

export default function Keys() {
  const { t } = useTranslation(["keys", "common"]);
  const keys = useQuery(keysQuery);
  const [search, setSearch] = useSearchParams();
  const [dialog, setDialog] = useState<Dialog | null>(null);
  const [marked, setMarked] = useState<string | null>(null);

  function put(name: string, value: string | null): void {
    const next = new URLSearchParams(search);
    if (value === null || value === "") next.delete(name);
    else next.set(name, value);
    setSearch(next, { replace: true });
  }
  const make = (): void => put("new", "1");
  const made = (id: string): void => {
    put("new", null);
    setDialog(null);
    setMarked(id);
  };

  return (
    <Page
      title={t("title")}
      about={t("about")}
      actions={
        <Button type="primary" icon={<PlusOutlined aria-hidden />} onClick={make}>
          {t("new")}
        </Button>
      }
    >
      <Loaded query={keys} rows={6}>
        {(all) =>
          all.length === 0 ? (
            <NoKey onMake={make} />
          ) : (
            <Flex vertical gap={12}>
              <Filters q={search.get("q") ?? ""} state={search.get("state")} onChange={put} />
              <List
                keys={all.filter((key) => fits(key, search, keys.dataUpdatedAt))}
                now={keys.dataUpdatedAt}
                marked={marked}
                onDialog={setDialog}
              />
            </Flex>
          )
        }
      </Loaded>
      {search.has("new") && <NewKey onClose={() => put("new", null)} onMade={made} />}
      {dialog?.kind === "edit" && <EditKey edited={dialog.key} onClose={() => setDialog(null)} />}
      {(dialog?.kind === "delete" || dialog?.kind === "reset") && (
        <EndKey
          ended={dialog.key}
          act={dialog.kind}
          onClose={() => setDialog(null)}
          onReset={(fresh) => setDialog({ kind: "made", made: fresh })}
        />
      )}
      {dialog?.kind === "made" && (
        <SecretOnce
          title={t("created", { name: dialog.made.key.name })}
          secret={dialog.made.secret}
          onDone={() => made(dialog.made.key.id)}
        >
          <NextSteps made={dialog.made} />
        </SecretOnce>
      )}
    </Page>
  );
}

function fits(key: Key, search: URLSearchParams, now: number): boolean {
  const wanted = (search.get("q") ?? "").trim().toLowerCase();
  const state = search.get("state");
  if (wanted !== "" && !`${key.name} ${key.shown}`.toLowerCase().includes(wanted)) return false;
  if (state === "expiring") return endsSoon(key, now);
  return state === null || key.state === state;
}

interface FilterProps {
  q: string;
  state: string | null;
  onChange: (name: string, value: string | null) => void;
}

function Filters({ q, state, onChange }: FilterProps) {
  const { t } = useTranslation(["keys", "common"]);
  return (
    <Flex gap={8} wrap>
      <Input
        allowClear
        prefix={<SearchOutlined aria-hidden />}
        value={q}
        placeholder={t("search")}
        aria-label={t("search")}
        onChange={(event) => onChange("q", event.target.value)}
        style={{ flex: "1 1 200px", maxWidth: 320 }}
      />
      <Select
        allowClear
        aria-label={t("filter")}
        placeholder={t("filter")}
        value={state}
        onChange={(value: string | undefined) => onChange("state", value ?? null)}
        style={{ minWidth: 140 }}
        options={STATES.map((value) => ({ value, label: t(`common:state.${value}`) }))}
      />
    </Flex>
  );
}

interface ListProps {
  keys: Key[];
  now: number;
  marked: string | null;
  onDialog: (dialog: Dialog) => void;
}

function List({ keys, now, marked, onDialog }: ListProps) {
  const { t } = useTranslation(["keys", "common"]);
  const columns: Column<Key>[] = [
    { key: "name", title: t("column.name"), heading: true, render: (key) => <Name of={key} /> },
    { key: "key", title: t("column.key"), render: (key) => <code className="tm-mono tm-key">{key.shown}</code> },
    { key: "state", title: t("column.state"), render: (key) => <State of={key} now={now} /> },
    { key: "used", title: t("column.used"), align: "end", render: (key) => <Used of={key} /> },
    { key: "cap", title: t("column.cap"), width: 170, render: (key) => <Cap of={key} /> },
    { key: "last", title: t("column.last"), render: (key) => <LastUsed of={key} /> },
  ];
  return (
    <DataTable
      label={t("list")}
      columns={columns}
      rows={keys}
      rowKey={(key) => key.id}
      marked={marked}
      empty={<Empty title={t("nothingFound")} />}
      actions={(key) => (
        <KeyActions of={key} onEdit={() => onDialog({ kind: "edit", key })} onEnd={(kind) => onDialog({ kind, key })} />
      )}
    />
  );
}
