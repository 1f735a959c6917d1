/** How replies are kept: shown at once when known, fetched anew when somebody looks. */
import { QueryClient } from "@tanstack/react-query";

import { ApiError } from "./errors";

/** In milliseconds; polling stops while the page is hidden. */
export const EVERY = { live: 2_000, keys: 5_000, money: 30_000 } as const;

const worthRetrying = (error: unknown): boolean => error instanceof ApiError && (error.status === 0 || error.status >= 502);

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 2_000,
      retry: (count, error) => count < 3 && worthRetrying(error),
      retryDelay: (count) => Math.min(1_000 * 2 ** count, 5_000),
      networkMode: "always",
      refetchOnWindowFocus: true,
      refetchIntervalInBackground: false,
    },
    mutations: { retry: false, networkMode: "always" },
  },
});
