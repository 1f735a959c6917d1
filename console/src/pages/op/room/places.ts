/** Where an operator goes about an alarm. */
import type { Alarm } from "@/api/queries/catalogue";

export function placeOf({ kind, subject }: Alarm): string {
  const id = encodeURIComponent(subject);
  switch (kind) {
    case "target_down":
    case "target_degraded":
      return `/op/targets/${id}`;
    case "model_unserved":
      return `/op/models/${subject}?tab=targets`;
    case "model_retires":
      return `/op/models/${subject}`;
    case "node_silent":
    case "search_failing":
      return "/op/settings";
    case "moderation_failing":
      return "/op/moderation?tab=verdicts&outcome=failed";
    case "sign_ins_blocked":
      return "/op/audit?action=session.";
    case "task_given_up":
      return "/op/audit";
    case "plans_used_up":
    case "wallets_empty":
      return "/op/accounts";
  }
}
