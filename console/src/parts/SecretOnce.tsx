/** Shows a secret whole for the only time; the dialog goes only when one says that it is saved. */
import { Alert, Button, Checkbox, Flex, Modal } from "antd";
import { useEffect, useRef, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { CopyButton } from "./CopyButton";

interface Props {
  title: string;
  secret: string;
  /** What is said of it, where it is no key. */
  words?: { once: string; value: string };
  /** What to do with it, below: a curl line, a file to paste. */
  children?: ReactNode;
  onDone: () => void;
}

export function SecretOnce({ title, secret, words, children, onDone }: Props) {
  const { t } = useTranslation();
  const [saved, setSaved] = useState(false);
  const value = useRef<HTMLElement>(null);
  useStayWhileShown();
  return (
    <Modal
      open
      title={title}
      closable={false}
      mask={{ closable: false }}
      keyboard={false}
      width={680}
      afterOpenChange={() => selectAll(value.current)}
      footer={
        <Flex justify="space-between" align="center" gap={12} wrap>
          <Checkbox checked={saved} onChange={(event) => setSaved(event.target.checked)}>
            {t("secret.saved")}
          </Checkbox>
          <Button type="primary" disabled={!saved} onClick={onDone}>
            {t("action.done")}
          </Button>
        </Flex>
      }
    >
      <Flex vertical gap={12}>
        <Alert type="warning" showIcon title={words?.once ?? t("secret.once")} />
        <Flex align={secret.includes("\n") ? "start" : "center"} gap={8} wrap>
          <code className="tm-mono tm-secret" ref={value} tabIndex={0} aria-label={words?.value ?? t("secret.value")}>
            {secret}
          </code>
          <CopyButton value={secret} label={title} withText />
        </Flex>
        {children}
      </Flex>
    </Modal>
  );
}

function selectAll(element: HTMLElement | null): void {
  if (element === null) return;
  element.focus();
  getSelection()?.selectAllChildren(element);
}

/** Going back or closing the page would lose the secret: the browser asks first. */
function useStayWhileShown(): void {
  useEffect(() => {
    const stay = (event: BeforeUnloadEvent): void => event.preventDefault();
    const back = (): void => history.pushState(history.state, "", location.href);
    back();
    addEventListener("beforeunload", stay);
    addEventListener("popstate", back);
    return () => {
      removeEventListener("beforeunload", stay);
      removeEventListener("popstate", back);
    };
  }, []);
}
