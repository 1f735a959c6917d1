/** The models on offer. */
import { queryOptions } from "@tanstack/react-query";

import { api, told } from "../client";
import type { components } from "../schema";

export type Model = components["schemas"]["ModelShown"];

export const modelsQuery = queryOptions({
  queryKey: ["models"],
  queryFn: async ({ signal }) => (await told(api.GET("/console/api/v1/models", { signal }))).data,
  staleTime: 60_000,
});

export const modelQuery = (id: string) =>
  queryOptions({
    queryKey: ["models", id],
    queryFn: ({ signal }) =>
      told(api.GET("/console/api/v1/models/{model_id}", { params: { path: { model_id: id } }, signal })),
    staleTime: 60_000,
  });
