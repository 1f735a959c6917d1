/** The state of a target: its dot and its word. */
import { useTranslation } from "react-i18next";

import type { TargetState } from "@/api/queries/catalogue";
import { StatusDot, type Status } from "./StatusDot";

const DOTS: Record<TargetState, Status> = {
  healthy: "success",
  degraded: "warning",
  down: "error",
  off: "default",
  unknown: "default",
};

export function State({ of: state }: { of: TargetState }) {
  const { t } = useTranslation("opTargets");
  return <StatusDot status={DOTS[state]} text={t(`state.${state}`)} />;
}
