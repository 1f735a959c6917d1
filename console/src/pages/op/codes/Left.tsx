/** How many codes of a batch can still be redeemed, as figures and as a bar. */
import { useTranslation } from "react-i18next";

import type { Batch } from "@/api/queries/codes";
import { useFormat } from "@/format";

export function Left({ of: { batch, left, count } }: { of: Batch }) {
  const { t } = useTranslation("opCodes");
  const format = useFormat();
  const said = t("leftOf", { left: format.count(left), count: format.count(count) });
  return (
    <div>
      {said}
      <div
        role="meter"
        aria-label={t("leftName", { batch })}
        aria-valuemin={0}
        aria-valuemax={count}
        aria-valuenow={left}
        aria-valuetext={said}
        className="tm-meter"
      >
        <span className="tm-meter-primary" style={{ width: `${String((left / count) * 100)}%` }} />
      </div>
    </div>
  );
}
