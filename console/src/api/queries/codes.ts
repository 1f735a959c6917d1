/** Redeem codes, by the batch. For operators. */
import { infiniteQueryOptions } from "@tanstack/react-query";

import { api, told } from "../client";
import { queryClient } from "../query";
import type { components } from "../schema";

export type Batch = components["schemas"]["Batch"];
export type BatchAsked = components["schemas"]["BatchAsked"];
export type BatchMade = components["schemas"]["BatchMade"];
export type RedeemCode = components["schemas"]["CodeShown"];

export const batchesQuery = infiniteQueryOptions({
  queryKey: ["op", "codes", "batches"],
  queryFn: ({ signal, pageParam }) =>
    told(
      api.GET("/console/api/v1/operator/codes/batches", {
        params: { query: { ...(pageParam !== null && { cursor: pageParam }) } },
        signal,
      }),
    ),
  initialPageParam: null as string | null,
  getNextPageParam: (page) => page.next_cursor,
});

export const codesQuery = (batch: string) =>
  infiniteQueryOptions({
    queryKey: ["op", "codes", "of", batch],
    queryFn: ({ signal, pageParam }) =>
      told(
        api.GET("/console/api/v1/operator/codes/batches/{batch}", {
          params: { path: { batch }, query: { ...(pageParam !== null && { cursor: pageParam }) } },
          signal,
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
  });

export const makeBatch = (asked: BatchAsked): Promise<BatchMade> =>
  changed(told(api.POST("/console/api/v1/operator/codes/batches", { body: asked })));

/** A batch, or one code by its id. */
export const disableCodes = (id: string) =>
  changed(told(api.POST("/console/api/v1/operator/codes/batches/{batch}/disable", { params: { path: { batch: id } } })));

async function changed<T>(reply: Promise<T>): Promise<T> {
  const done = await reply;
  await queryClient.invalidateQueries({ queryKey: ["op", "codes"] });
  return done;
}
