/** The lines of a receipt, count times rate, whose exact sum is rounded once to what was charged. */
import { useTranslation } from "react-i18next";

import type { ExchangeWhole } from "@/api/queries/usage";
import { addDecimals, compareDecimals, negate, useFormat } from "@/format";
import { TokenKindName } from "@/parts/TokenBar";
import { useWidth } from "@/parts/useWidth";
import type { TokenKind } from "@/style/charts";
import { TABLES } from "@/style/tokens";

import { useAmount } from "./useAmount";

type Receipt = NonNullable<ExchangeWhole["receipt"]>;
type Line = Receipt["lines"][number];

/** In the order in which their colours are stacked elsewhere. */
const KINDS = {
  cached_input: "cached",
  input: "fresh",
  written_input: "fresh",
  output: "output",
  web_search: null,
} as const satisfies Record<string, TokenKind | null>;

export function Bill({ of: { receipt, tokens } }: { of: ExchangeWhole }) {
  const { t } = useTranslation("usage");
  return (
    <section aria-labelledby="bill">
      <h2 id="bill">{t("receipt.bill")}</h2>
      {receipt === null ? <p>{t("receipt.freeAbout")}</p> : <Lines receipt={receipt} reasoning={tokens.output_reasoning ?? 0} />}
    </section>
  );
}

function Lines({ receipt, reasoning }: { receipt: Receipt; reasoning: number }) {
  const { t } = useTranslation("usage");
  const format = useFormat();
  const amount = useAmount(receipt.unit);
  const sum = addDecimals("0", ...receipt.lines.map((line) => line.amount));
  const scaled = compareDecimals(receipt.factor, "1") !== 0;
  const short = compareDecimals(receipt.shortfall, "0") > 0;
  const free = compareDecimals(receipt.cost, "0") === 0 && compareDecimals(receipt.exact, "0") > 0;
  const wide = useWidth(TABLES);
  const across = wide ? 3 : 1;
  const below = (name: string, value: string) => (
    <tr>
      <th scope="row" colSpan={across}>
        {name}
      </th>
      <td>{value}</td>
    </tr>
  );
  const rateOf = (line: Line): string =>
    `× ${t(line.kind === "web_search" ? "receipt.perSearch" : "receipt.perMillion", { price: amount.rate(line.rate) })}`;
  return (
    <>
      <div style={{ overflowX: "auto" }} role="region" aria-label={t("receipt.bill")} tabIndex={0}>
        <table className="tm-bill">
          <thead>
            <tr>
              <th scope="col">{t("receipt.line")}</th>
              {wide && <th scope="col">{t("receipt.count")}</th>}
              {wide && <th scope="col">{t("receipt.rate")}</th>}
              <th scope="col">{t("receipt.amount")}</th>
            </tr>
          </thead>
          <tbody>
            {inOrder(receipt.lines).map((line) => (
              <tr key={line.kind}>
                <th scope="row">
                  <LineName line={line} />
                  {!wide && <span className="tm-second">{`${format.count(line.count)} ${rateOf(line)}`}</span>}
                  {line.kind === "output" && reasoning > 0 && (
                    <span className="tm-second">{t("receipt.ofWhichReasoning", { number: format.count(reasoning) })}</span>
                  )}
                </th>
                {wide && <td>{format.count(line.count)}</td>}
                {wide && <td>{rateOf(line)}</td>}
                <td>{amount.all(line.amount)}</td>
              </tr>
            ))}
          </tbody>
          <tfoot>
            {below(t("receipt.sum"), amount.all(sum))}
            {scaled && below(t("receipt.factor"), t("receipt.times", { factor: format.count(receipt.factor) }))}
            <tr className="tm-bill-total">
              <th scope="row" colSpan={across}>
                {t("receipt.total")}
              </th>
              <td>{amount.exact(receipt.cost)}</td>
            </tr>
            {short && below(t("receipt.shortfall"), amount.exact(negate(receipt.shortfall)))}
            {short && below(t("receipt.charged"), amount.exact(addDecimals(receipt.cost, negate(receipt.shortfall))))}
          </tfoot>
        </table>
      </div>
      {free && <p className="tm-quiet">{t("receipt.freeTarget")}</p>}
    </>
  );
}

function inOrder(lines: Line[]): Line[] {
  const order = Object.keys(KINDS);
  const place = ({ kind }: Line): number => (order.includes(kind) ? order.indexOf(kind) : order.length);
  return [...lines].sort((a, b) => place(a) - place(b));
}

function LineName({ line: { kind } }: { line: Line }) {
  const { t } = useTranslation("usage");
  if (!(kind in KINDS)) return <>{kind}</>;
  const known = kind as keyof typeof KINDS;
  const colour = KINDS[known];
  const name = t(`receipt.line_.${known}`);
  return colour === null ? <>{name}</> : <TokenKindName kind={colour}>{name}</TokenKindName>;
}
