/** How far a newcomer has come, and the addresses that one copies. */
import { queryOptions } from "@tanstack/react-query";

import { api, told } from "../client";
import { EVERY } from "../query";
import type { components } from "../schema";

export type FirstSteps = components["schemas"]["FirstSteps"];

/** Polled until the first answer was seen, so that steps tick themselves. */
export const firstStepsQuery = queryOptions({
  queryKey: ["first-steps"],
  queryFn: ({ signal }) => told(api.GET("/console/api/v1/first-steps", { signal })),
  refetchInterval: (query) => (query.state.data?.answered == null ? EVERY.keys : false),
});
