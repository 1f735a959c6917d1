/** Shows what a query brought, or that it is on its way, or why it did not come; old data stays while it is fetched anew. */
import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";

import { ErrorCard } from "./ErrorCard";
import { Loading } from "./Loading";

interface Props<T> {
  query: UseQueryResult<T>;
  rows?: number;
  children: (data: T) => ReactNode;
}

export function Loaded<T>({ query, rows, children }: Props<T>) {
  if (query.data !== undefined) {
    return (
      <>
        {query.isError && <ErrorCard error={query.error} onRetry={() => void query.refetch()} />}
        {children(query.data)}
      </>
    );
  }
  if (query.isError) return <ErrorCard error={query.error} onRetry={() => void query.refetch()} />;
  return <Loading {...(rows !== undefined && { rows })} />;
}
