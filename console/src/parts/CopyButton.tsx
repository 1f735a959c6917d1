/** Copies a text, and says whether that worked. */
import { CheckOutlined, CopyOutlined } from "@ant-design/icons";
import { App, Button } from "antd";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";

import { announce } from "@/shell/live";

import { copyText } from "./copying";

interface Props {
  value: string;
  /** What is copied, for those who do not see where the button stands. */
  label: string;
  withText?: boolean;
}

export function CopyButton({ value, label, withText = false }: Props) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const [copied, setCopied] = useState(false);
  const place = useRef<HTMLSpanElement>(null);

  async function copy(): Promise<void> {
    if (place.current === null) return;
    const worked = await copyText(value, place.current);
    const said = t(worked ? "copy.done" : "copy.failed");
    announce(said);
    if (!worked) return void message.error(said);
    setCopied(true);
    setTimeout(() => setCopied(false), 2_000);
    void message.success(said);
  }

  return (
    <span ref={place}>
      <Button
        type={withText ? "default" : "text"}
        size={withText ? "middle" : "small"}
        icon={copied ? <CheckOutlined aria-hidden /> : <CopyOutlined aria-hidden />}
        aria-label={t("copy.label", { what: label })}
        onClick={() => void copy()}
      >
        {withText ? t("action.copy") : null}
      </Button>
    </span>
  );
}
