/** Says on the page to which one came back from the identity provider what went wrong there. */
import { Suspense } from "react";
import { useSearchParams } from "react-router";

import { ProviderProblem } from "@/parts/ProviderProblem";

export function ProviderNotice() {
  const [search, setSearch] = useSearchParams();
  const code = search.get("problem");
  if (code === null) return null;
  const close = (): void => {
    const rest = new URLSearchParams(search);
    rest.delete("problem");
    setSearch(rest, { replace: true });
  };
  return (
    <Suspense fallback={null}>
      <ProviderProblem code={code} banner onClose={close} />
    </Suspense>
  );
}
