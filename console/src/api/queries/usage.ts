/** What was used: sums over time, and single exchanges. */
import { keepPreviousData, queryOptions } from "@tanstack/react-query";

import { api, told } from "../client";
import { EVERY } from "../query";
import type { components, operations } from "../schema";

export type Usage = components["schemas"]["UsageShown"];
export type Exchange = components["schemas"]["ExchangeShown"];
export type SeriesAsked = NonNullable<operations["series_console_api_v1_usage_series_get"]["parameters"]["query"]>;
export type ExchangesAsked = NonNullable<operations["exchanges_console_api_v1_exchanges_get"]["parameters"]["query"]>;

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
