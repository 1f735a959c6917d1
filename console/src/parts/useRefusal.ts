/** What a form remembers of its last refusal: the error, and how long one has to wait before the next try. */
import { useState } from "react";

import { asApiError } from "@/api/client";
import type { ApiError } from "@/api/errors";

import { useSecondsLeft } from "./useSecondsLeft";

export interface Refusal {
  error: ApiError | null;
  /** Until the API lets one try again; 0 when it does now. */
  seconds: number;
  refuse: (cause: unknown) => void;
  clear: () => void;
}

export function useRefusal(): Refusal {
  const [error, setError] = useState<ApiError | null>(null);
  const [until, setUntil] = useState<number | null>(null);
  const seconds = useSecondsLeft(until);
  return {
    error,
    seconds,
    refuse: (cause) => {
      const known = asApiError(cause);
      setError(known);
      setUntil(known.retryAfter === null ? null : Date.now() + known.retryAfter * 1_000);
    },
    clear: () => {
      setError(null);
    },
  };
}
