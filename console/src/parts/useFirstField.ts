/** Puts the focus into a dialog's first field when it opens, unless another field of it asked for that. */
import { useRef, type RefObject } from "react";

interface FirstField {
  /** Around the fields. */
  body: RefObject<HTMLDivElement | null>;
  afterOpenChange: (open: boolean) => void;
}

export function useFirstField(): FirstField {
  const body = useRef<HTMLDivElement>(null);
  function afterOpenChange(open: boolean): void {
    // Without motion antd gives the focus to the button that closes, whatever a field asks for.
    if (!open || body.current === null || body.current.contains(document.activeElement)) return;
    body.current.querySelector<HTMLElement>("input:not([readonly]), textarea")?.focus();
  }
  return { body, afterOpenChange };
}
