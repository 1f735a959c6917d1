/** What a request of the playground came to. */
import { ApiError } from "../errors";
import { api, told } from "../client";
import { queryClient } from "../query";
import type { Exchange } from "./usage";

/** In milliseconds; the books are written a moment after the reply. */
const LOOKS = [150, 350, 700, 1_500, 3_000];

/** What the books say of a request; null when they still say nothing after some seconds. */
export async function billOf(requestId: string): Promise<Exchange | null> {
  for (const wait of LOOKS) {
    await new Promise((resolve) => setTimeout(resolve, wait));
    try {
      const path = { exchange_id: requestId };
      const found = await told(api.GET("/console/api/v1/exchanges/{exchange_id}", { params: { path } }));
      if (found.receipt === null && wait !== LOOKS.at(-1)) continue;
      void queryClient.invalidateQueries({ queryKey: ["wallet"] });
      return found;
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 404) return null;
    }
  }
  return null;
}
