/** What to paste next, below a key that is shown. */
import { useQuery } from "@tanstack/react-query";

import type { KeyMade } from "@/api/queries/keys";
import { modelsQuery } from "@/api/queries/models";
import { firstStepsQuery } from "@/api/queries/overview";
import { KeySetup } from "@/parts/KeySetup";
import { Loading } from "@/parts/Loading";

export function NextSteps({ made }: { made: KeyMade }) {
  const models = useQuery(modelsQuery);
  const steps = useQuery(firstStepsQuery);
  if (models.isPending || steps.isPending) return <Loading rows={4} />;
  const urls = steps.data?.base_urls;
  const model = made.key.models?.[0] ?? models.data?.find(({ available }) => available)?.id ?? models.data?.[0]?.id;
  if (urls === undefined || model === undefined) return null;
  return <KeySetup access={{ key: made.secret, openai: urls.openai, anthropic: urls.anthropic, model }} />;
}
