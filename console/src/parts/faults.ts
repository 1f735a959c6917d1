/** Says in the reader's language what the API has refused, as far as its code alone tells. */
import { useTranslation } from "react-i18next";

import { asApiError } from "@/api/client";

/** A page's own words for codes that mean something particular there, as `conflict`. */
export type FaultWords = Partial<Record<string, string>>;

const KNOWN = {
  wrong_password: "wrongPassword",
  rate_limited: "rateLimited",
  passwords_off: "passwordsOff",
  unusable_ticket: "unusableTicket",
  confirm_first: "confirmFirst",
  wrong_csrf_token: "stale",
  offline: "offline",
} as const;

/** `seconds` is what is left of a wait. The page's words for a code come first, then those of all pages, then the API's own. */
export function useFaultText(): (cause: unknown, words?: FaultWords, seconds?: number) => string {
  const { t } = useTranslation();
  return (cause, words = {}, seconds) => {
    const error = asApiError(cause);
    const own = words[error.code];
    if (own !== undefined) return own;
    const known = KNOWN[error.code as keyof typeof KNOWN] as (typeof KNOWN)[keyof typeof KNOWN] | undefined;
    return known === undefined ? error.message : t(`fault.${known}`, { seconds: seconds ?? error.retryAfter ?? 0 });
  };
}
