/** Money of the account. */
import { queryOptions } from "@tanstack/react-query";

import { api, told } from "../client";
import { EVERY } from "../query";

export const walletQuery = queryOptions({
  queryKey: ["wallet"],
  queryFn: ({ signal }) => told(api.GET("/console/api/v1/wallet", { signal })),
  refetchInterval: EVERY.money,
});
