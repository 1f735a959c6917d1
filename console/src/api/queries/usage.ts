/** What was used: sums over time, and single exchanges. */
import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";

import { api, told } from "../client";
import { EVERY } from "../query";
import type { components, operations } from "../schema";

export type Usage = components["schemas"]["UsageShown"];
export type Sums = components["schemas"]["SumsShown"];
export type Exchange = components["schemas"]["ExchangeShown"];
export type ExchangeWhole = components["schemas"]["ExchangeWhole"];
export type SeriesAsked = NonNullable<operations["series_console_api_v1_usage_series_get"]["parameters"]["query"]>;
export type ExchangesAsked = NonNullable<operations["exchanges_console_api_v1_exchanges_get"]["parameters"]["query"]>;
export type SheetAsked = NonNullable<operations["exchanges_csv_console_api_v1_exchanges_csv_get"]["parameters"]["query"]>;

export const seriesQuery = (asked: SeriesAsked) =>
  queryOptions({
    queryKey: ["usage", "series", asked],
    queryFn: ({ signal }) => told(api.GET("/console/api/v1/usage/series", { params: { query: asked }, signal })),
    placeholderData: keepPreviousData,
    refetchInterval: EVERY.money,
  });

export const exchangesQuery = (asked: ExchangesAsked) =>
  queryOptions({
    queryKey: ["exchanges", asked],
    queryFn: ({ signal }) => told(api.GET("/console/api/v1/exchanges", { params: { query: asked }, signal })),
    placeholderData: keepPreviousData,
  });

/** The same, page after page. */
export const exchangePagesQuery = (asked: ExchangesAsked) =>
  infiniteQueryOptions({
    queryKey: ["exchanges", "pages", asked],
    queryFn: ({ signal, pageParam }) =>
      told(
        api.GET("/console/api/v1/exchanges", {
          params: { query: { ...asked, ...(pageParam !== null && { cursor: pageParam }) } },
          signal,
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    placeholderData: keepPreviousData,
  });

/** By its id, or by its request id. */
export const exchangeQuery = (id: string) =>
  queryOptions({
    queryKey: ["exchanges", "one", id],
    queryFn: ({ signal }) =>
      told(api.GET("/console/api/v1/exchanges/{exchange_id}", { params: { path: { exchange_id: id } }, signal })),
  });

export const keptQuery = queryOptions({
  queryKey: ["usage", "kept"],
  queryFn: ({ signal }) => told(api.GET("/console/api/v1/usage/kept", { signal })),
});

export const exportExchanges = (asked: SheetAsked): Promise<Blob> =>
  told(
    api.GET("/console/api/v1/exchanges.csv", { params: { query: asked }, parseAs: "blob" }),
  ) as Promise<unknown> as Promise<Blob>;
