/** Money of the account. */
import { keepPreviousData, queryOptions } from "@tanstack/react-query";

import { api, told } from "../client";
import { EVERY, queryClient } from "../query";
import type { components } from "../schema";

export type Wallet = components["schemas"]["Wallet"];
export type Month = components["schemas"]["MonthShown"];
export type MonthLine = components["schemas"]["MonthLineShown"];
export type Payment = components["schemas"]["PaymentShown"];
export type Redeemed = components["schemas"]["CodeRedeemed"];

export const walletQuery = queryOptions({
  queryKey: ["wallet"],
  queryFn: ({ signal }) => told(api.GET("/console/api/v1/wallet", { signal })),
  refetchInterval: EVERY.money,
});

/** The statement of a month, as `2026-11`, in days of a zone. */
export const monthQuery = (month: string, zone: string) =>
  queryOptions({
    queryKey: ["wallet", "month", month, zone],
    queryFn: ({ signal }) => told(api.GET("/console/api/v1/wallet/month", { params: { query: { month, zone } }, signal })),
    placeholderData: keepPreviousData,
    refetchInterval: EVERY.money,
  });

export const paymentsQuery = queryOptions({
  queryKey: ["wallet", "payments"],
  queryFn: async ({ signal }) => (await told(api.GET("/console/api/v1/wallet/payments", { signal }))).data,
  refetchInterval: EVERY.money,
});

export async function redeemCode(code: string): Promise<Redeemed> {
  const redeemed = await told(api.POST("/console/api/v1/wallet/redeem", { body: { code } }));
  await queryClient.invalidateQueries({ queryKey: ["wallet"] });
  return redeemed;
}

export const checkOut = (amount: string) => told(api.POST("/console/api/v1/wallet/checkout", { body: { amount } }));

export const exportMonth = (month: string, zone: string): Promise<Blob> =>
  told(
    api.GET("/console/api/v1/wallet/statement.csv", { params: { query: { month, zone } }, parseAs: "blob" }),
  ) as Promise<unknown> as Promise<Blob>;
