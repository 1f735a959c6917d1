/** A policy as the form holds it, and as the API asks for it. */
import type { ActionName, Category, Policy, PolicyAsked, PolicyValues } from "@/api/queries/moderation";

export interface PolicyForm extends Omit<PolicyValues, "categories" | "thresholds" | "lists"> {
  account_id?: string | undefined;
  model?: string | undefined;
  categories: Partial<Record<Category, ActionName | undefined>>;
  thresholds: Partial<Record<Category, number | null | undefined>>;
  /** Empty: all that are enabled. */
  lists: string[];
}

export const valuesOf = (values: PolicyValues, policy: Policy | null): PolicyForm => ({
  account_id: policy?.account_id ?? undefined,
  model: policy?.model ?? undefined,
  input: values.input,
  output: values.output,
  categories: values.categories,
  thresholds: values.thresholds,
  lists: values.lists ?? [],
  classifier: values.classifier,
  system_prompts: values.system_prompts,
  refusals_pass: values.refusals_pass,
  on_failure: values.on_failure,
});

export const askedOf = ({ account_id: account, model, lists, ...values }: PolicyForm): PolicyAsked => ({
  ...values,
  account_id: account ?? null,
  model: model ?? null,
  categories: given(values.categories),
  thresholds: given(values.thresholds),
  lists: lists.length === 0 ? null : lists,
});

function given<T>(of: Partial<Record<string, T | null | undefined>> | undefined): Record<string, T> {
  const found = Object.entries(of ?? {}).filter((each): each is [string, T] => each[1] != null);
  return Object.fromEntries(found);
}
