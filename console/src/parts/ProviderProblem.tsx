/** Why the last way to the identity provider came to nothing, by the code that it left in the address. */
import { useQuery } from "@tanstack/react-query";
import { Alert } from "antd";
import { useTranslation } from "react-i18next";

import { lastProblem, type Problem } from "@/api/queries/entry";
import type entry from "@/i18n/en/entry.json";

type Known = keyof (typeof entry)["problem"];

interface Props {
  code: string;
  banner?: boolean;
  onClose: () => void;
}

export function ProviderProblem({ code, banner = false, onClose }: Props) {
  const { t, i18n } = useTranslation("entry");
  const known = i18n.exists(`entry:problem.${code}`) ? (code as Known & Problem) : "failed";
  // Only a suspension has a reason of its own, which the API keeps for this browser.
  const { data } = useQuery({ queryKey: ["oidc-problem"], queryFn: lastProblem, enabled: known === "suspended", retry: false });
  return (
    <Alert
      type="error"
      showIcon
      banner={banner}
      closable={{ onClose }}
      title={t(`problem.${known}`)}
      description={data?.message}
      style={banner ? undefined : { marginBottom: 16 }}
    />
  );
}
