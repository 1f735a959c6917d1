/** Why a form was refused; while one has to wait, it counts the seconds. */
import { Alert } from "antd";

import { asApiError } from "@/api/client";

import { useFaultText, type FaultWords } from "./faults";

interface Props {
  error: unknown;
  words?: FaultWords;
  /** What is left of a wait, when there is one; see `useRefusal`. */
  seconds?: number;
}

export function FaultAlert({ error: cause, words, seconds = 0 }: Props) {
  const say = useFaultText();
  if (cause === null) return null;
  const error = asApiError(cause);
  const waits = error.code === "rate_limited" && error.retryAfter !== null;
  if (waits && seconds === 0) return null;
  const title = say(error, words, waits ? seconds : undefined);
  return (
    <Alert
      // A timer is not read out each second; what it says at first is.
      role={waits ? "timer" : "alert"}
      type={waits ? "warning" : "error"}
      showIcon
      title={title}
      style={{ marginBottom: 16 }}
    />
  );
}
