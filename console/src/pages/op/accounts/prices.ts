/** Turns what the form of a price holds into what the API is asked for, and back. */
import type { PricesAsked, SpecialPrice } from "@/api/queries/accountMoney";

export const MONEY = ["cached_input", "input", "output", "written_input", "web_search"] as const;
export const CREDITS = ["cached_input", "input", "output"] as const;

/** Where one of a group is given, these are. */
export const NEEDED: Record<"money" | "credits", readonly string[]> = { money: ["input", "output"], credits: CREDITS };

type Typed<Name extends string> = Partial<Record<Name, string>>;

export interface PriceValues {
  model: string;
  money?: Typed<(typeof MONEY)[number]>;
  credits?: Typed<(typeof CREDITS)[number]>;
}

export function valuesOf({ model, prices, credits }: SpecialPrice, currency: string): PriceValues {
  const price = prices.find((each) => each.currency === currency);
  return {
    model,
    ...(price !== undefined && {
      money: {
        cached_input: price.cached_input,
        input: price.input,
        output: price.output,
        written_input: price.written_input,
        web_search: price.web_search ?? "",
      },
    }),
    ...(credits !== null && { credits: { ...credits } }),
  };
}

/** A group of which nothing is filled in is left to the catalogue. */
export function askedOf({ money = {}, credits = {} }: PriceValues): PricesAsked {
  const [price, rates] = [given(money), given(credits)];
  const { input, output } = price;
  const whole = rates.input !== undefined && rates.output !== undefined && rates.cached_input !== undefined;
  return {
    price: input === undefined || output === undefined ? null : { ...price, input, output },
    credits: whole ? { input: rates.input ?? "", output: rates.output ?? "", cached_input: rates.cached_input ?? "" } : null,
  };
}

function given<Name extends string>(typed: Typed<Name>): Typed<Name> {
  const kept = Object.entries<string | undefined>(typed).flatMap(([name, value]) =>
    value === undefined || value.trim() === "" ? [] : [[name, value.trim()] as const],
  );
  return Object.fromEntries(kept) as Typed<Name>;
}
