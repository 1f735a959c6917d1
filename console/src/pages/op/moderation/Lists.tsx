/** The lists of phrases: those of the settings are shown, one's own are written here. */
import { PlusOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { App, Button, Flex, Form, Input, Modal, Select, Switch, Tag } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import {
  phrasesQuery, phrasesWholeQuery, removePhrases, writePhrases, type Category, type Phrases, type PhrasesWhole,
} from "@/api/queries/moderation";
import { useFormat } from "@/format";
import { DataTable } from "@/parts/DataTable";
import { Empty } from "@/parts/Empty";
import { useFaultText } from "@/parts/faults";
import { FormDialog } from "@/parts/FormDialog";
import { Loaded } from "@/parts/Loaded";
import { StatusDot } from "@/parts/StatusDot";

import { useCategoryName } from "./words";

type Open = { kind: "new" } | { kind: "look"; name: string; own: boolean };

export function Lists({ categories }: { categories: readonly Category[] }) {
  const { t } = useTranslation("opModeration");
  const query = useQuery(phrasesQuery);
  const [open, setOpen] = useState<Open | null>(null);
  const close = (): void => setOpen(null);
  return (
    <Flex vertical gap={12}>
      <Flex justify="space-between" align="center" gap={12} wrap>
        <span className="tm-quiet">{t("list.about")}</span>
        <Button type="primary" icon={<PlusOutlined aria-hidden />} onClick={() => setOpen({ kind: "new" })}>
          {t("list.new")}
        </Button>
      </Flex>
      <Loaded query={query}>
        {(lists) => <List lists={lists} onLook={(each) => setOpen({ kind: "look", name: each.name, own: each.origin === "own" })} />}
      </Loaded>
      {open?.kind === "new" && <Editor categories={categories} edited={null} onClose={close} />}
      {open?.kind === "look" && <Look name={open.name} own={open.own} categories={categories} onClose={close} />}
    </Flex>
  );
}

function List({ lists, onLook }: { lists: readonly Phrases[]; onLook: (list: Phrases) => void }) {
  const { t } = useTranslation(["opModeration", "common"]);
  const format = useFormat();
  const name = useCategoryName();
  return (
    <DataTable
      label={t("tab.lists")}
      rows={lists}
      rowKey={(each) => `${each.origin} ${each.name}`}
      empty={<Empty title={t("list.empty")} />}
      columns={[
        { key: "name", title: t("list.name"), heading: true, render: (each) => <code className="tm-mono">{each.name}</code> },
        { key: "origin", title: t("list.origin"), render: (each) => <Tag variant="outlined">{t(`origin.${each.origin}`)}</Tag> },
        { key: "category", title: t("column.category"), render: (each) => name(each.category) },
        { key: "phrases", title: t("list.phrases"), align: "end", render: (each) => format.count(each.phrases) },
        {
          key: "state",
          title: t("list.state"),
          render: (each) => (
            <StatusDot status={each.enabled ? "success" : "default"} text={t(each.enabled ? "common:state.on" : "common:state.off")} />
          ),
        },
      ]}
      actions={(each) => (
        <>
          <Button size="small" onClick={() => onLook(each)}>
            {t(each.origin === "own" ? "common:action.edit" : "common:action.details")}
          </Button>
          {each.origin === "own" && <Remove name={each.name} />}
        </>
      )}
    />
  );
}

function Remove({ name }: { name: string }) {
  const { t } = useTranslation(["opModeration", "common"]);
  const { message, modal } = App.useApp();
  const say = useFaultText();
  async function remove(): Promise<void> {
    try {
      await removePhrases(name);
    } catch (cause) {
      void message.error(say(cause));
    }
  }
  return (
    <Button
      size="small"
      danger
      onClick={() =>
        modal.confirm({
          title: t("list.remove", { name }),
          content: t("list.removeBreaks"),
          okText: t("common:action.delete"),
          okButtonProps: { danger: true },
          cancelText: t("common:action.cancel"),
          onOk: () => {
            void remove();
          },
        })
      }
    >
      {t("common:action.delete")}
    </Button>
  );
}

interface LookProps {
  name: string;
  own: boolean;
  categories: readonly Category[];
  onClose: () => void;
}

function Look({ name, own, categories, onClose }: LookProps) {
  const { t } = useTranslation("common");
  const query = useQuery(phrasesWholeQuery(name));
  if (own && query.data !== undefined) return <Editor categories={categories} edited={query.data} onClose={onClose} />;
  return (
    <Modal open width={640} title={name} onCancel={onClose} footer={<Button onClick={onClose}>{t("action.close")}</Button>}>
      <Loaded query={query}>
        {(list) => (
          <pre className="tm-code" tabIndex={0} role="region" aria-label={name} style={{ maxHeight: "60vh" }}>
            {list.text}
          </pre>
        )}
      </Loaded>
    </Modal>
  );
}

interface Written {
  name: string;
  category: Category;
  enabled: boolean;
  text: string;
}

interface EditorProps {
  categories: readonly Category[];
  edited: PhrasesWhole | null;
  onClose: () => void;
}

function Editor({ categories, edited, onClose }: EditorProps) {
  const { t } = useTranslation(["opModeration", "common"]);
  const { message } = App.useApp();
  const categoryName = useCategoryName();
  async function send({ name, ...list }: Written): Promise<void> {
    await writePhrases(edited?.name ?? name, list);
    void message.success(t("common:saved"));
    onClose();
  }
  return (
    <FormDialog<Written>
      title={edited === null ? t("list.new") : edited.name}
      act={t("common:action.save")}
      width={640}
      initial={edited ?? { name: "", category: "custom", enabled: true, text: "" }}
      onClose={onClose}
      send={send}
    >
      {edited === null && (
        <Form.Item
          name="name"
          label={t("list.name")}
          rules={[{ required: true, pattern: /^[a-z0-9][a-z0-9_-]{0,63}$/, message: t("list.wrongName") }]}
        >
          <Input autoFocus autoComplete="off" placeholder="company-secrets" />
        </Form.Item>
      )}
      <Form.Item name="category" label={t("column.category")} extra={t("list.categoryHint")}>
        <Select options={categories.map((value) => ({ value, label: categoryName(value) }))} />
      </Form.Item>
      <Form.Item name="text" label={t("list.text")} extra={t("list.textHint")} rules={[{ required: true, message: t("list.wrongText") }]}>
        <Input.TextArea autoSize={false} className="tm-grows tm-tall tm-mono" />
      </Form.Item>
      <Form.Item name="enabled" label={t("list.enabled")} valuePropName="checked" style={{ marginBottom: 0 }}>
        <Switch />
      </Form.Item>
    </FormDialog>
  );
}
