/** Where one writes and attaches: Enter sends, but not the Enter that picks a word of an input method. */
import { ArrowUpOutlined, CloseOutlined, PaperClipOutlined } from "@ant-design/icons";
import { Attachments, FileCard, Sender } from "@ant-design/x";
import { App, Button, Flex } from "antd";
import { useEffect, useRef, type ComponentRef, type KeyboardEvent } from "react";
import { useTranslation } from "react-i18next";

import { useFormat } from "@/format";
import type { Attached } from "@/playground/machine";

import { attached, isImage, LARGEST } from "./attaching";

export interface Draft {
  text: string;
  files: readonly Attached[];
}

interface Props {
  draft: Draft;
  onDraft: (change: (draft: Draft) => Draft) => void;
  running: boolean;
  /** Nothing can be sent, for want of a key or a model. */
  disabled: boolean;
  onSend: () => void;
  onStop: () => void;
}

export function Composer({ draft, onDraft, running, disabled, onSend, onStop }: Props) {
  const { t } = useTranslation("playground");
  const sender = useRef<ComponentRef<typeof Sender>>(null);
  const attach = useAttach(onDraft);
  useEffect(() => {
    // The component takes no name for its field.
    sender.current?.inputElement?.setAttribute("aria-label", t("message"));
  }, [t]);
  const ready = !running && !disabled && (draft.text.trim() !== "" || draft.files.length > 0);
  function onKeyDown(event: KeyboardEvent): false | undefined {
    // 229 is what browsers say that end the composition before its Enter.
    if (event.nativeEvent.isComposing || event.keyCode === 229) return false;
    if (event.key !== "Enter" || event.shiftKey || event.ctrlKey || event.altKey || event.metaKey) return undefined;
    event.preventDefault();
    if (ready) onSend();
    return false;
  }
  return (
    <Sender
      ref={sender}
      className="tm-composer"
      classNames={{ input: "tm-grows" }}
      value={draft.text}
      onChange={(text) => onDraft((before) => ({ ...before, text }))}
      onKeyDown={onKeyDown}
      onPasteFile={(files) => attach([...files])}
      autoSize={false}
      placeholder={t("placeholder")}
      header={draft.files.length === 0 ? false : <Files files={draft.files} onDraft={onDraft} />}
      prefix={<AttachButton attach={attach} />}
      suffix={
        running ? (
          <Button type="primary" shape="circle" icon={<span className="tm-square" aria-hidden />} aria-label={t("stop")} title={t("stop")} onClick={onStop} />
        ) : (
          <Button type="primary" shape="circle" icon={<ArrowUpOutlined aria-hidden />} aria-label={t("send")} title={t("send")} disabled={!ready} onClick={onSend} />
        )
      }
    />
  );
}

/** Also takes what is dropped on the page. */
function AttachButton({ attach }: { attach: (files: readonly File[]) => void }) {
  const { t } = useTranslation("playground");
  return (
    <Attachments
      multiple
      items={[]}
      // Nothing is uploaded: the request takes the file along.
      beforeUpload={(file) => {
        attach([file]);
        return false;
      }}
      hasControlInside
      getDropContainer={() => document.body}
      placeholder={{ icon: <PaperClipOutlined aria-hidden />, title: t("attach.drop") }}
    >
      <Button type="text" icon={<PaperClipOutlined aria-hidden />} aria-label={t("attach.button")} title={t("attach.button")} />
    </Attachments>
  );
}

function useAttach(onDraft: Props["onDraft"]): (files: readonly File[]) => void {
  const { t } = useTranslation("playground");
  const { message } = App.useApp();
  const format = useFormat();
  async function read(file: File): Promise<void> {
    if (file.size > LARGEST) {
      return void message.error(t("attach.tooLarge", { name: file.name, size: format.bytes(LARGEST) }));
    }
    try {
      const found = await attached(file);
      onDraft((before) => ({ ...before, files: [...before.files, found] }));
    } catch {
      void message.error(t("attach.unreadable", { name: file.name }));
    }
  }
  return (files) => files.forEach((file) => void read(file));
}

function Files({ files, onDraft }: { files: readonly Attached[]; onDraft: Props["onDraft"] }) {
  const { t } = useTranslation("playground");
  return (
    <Flex gap={8} wrap className="tm-files" role="list" aria-label={t("attach.list")}>
      {files.map((file, index) => (
        <div key={`${file.name}-${String(index)}`} role="listitem" className="tm-file">
          <FileShown file={file} />
          <Button
            size="small"
            shape="circle"
            className="tm-file-remove"
            icon={<CloseOutlined aria-hidden />}
            aria-label={t("attach.remove", { name: file.name })}
            onClick={() => onDraft((before) => ({ ...before, files: before.files.filter((_, at) => at !== index) }))}
          />
        </div>
      ))}
    </Flex>
  );
}

/** A picture of a picture, a card of any other file. */
export function FileShown({ file }: { file: Attached }) {
  if (isImage(file)) return <img className="tm-thumb" src={file.url} alt={file.name} />;
  return <FileCard name={file.name} byte={file.size} size="small" type="file" />;
}
