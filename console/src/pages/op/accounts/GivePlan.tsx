/** Gives an account a Token Plan for a period, without payment. */
import { useQuery } from "@tanstack/react-query";
import { Form, InputNumber, Segmented, Select } from "antd";
import { useTranslation } from "react-i18next";

import { givePlan, type PlanGift, type PlanGiven } from "@/api/queries/accountMoney";
import type { AccountDetail } from "@/api/queries/accounts";
import { offersQuery, type Offer } from "@/api/queries/offers";
import { usePlanName } from "@/pages/plan/names";
import { FormDialog } from "@/parts/FormDialog";
import { Loaded } from "@/parts/Loaded";

interface Props {
  account: AccountDetail;
  onClose: () => void;
  onGiven: (given: PlanGiven) => void;
}

export function GivePlan({ account: { id, email }, onClose, onGiven }: Props) {
  const { t } = useTranslation("opAccounts");
  const offers = useQuery(offersQuery);
  return (
    <FormDialog<PlanGift>
      title={t("plan.giveTitle", { email })}
      act={t("plan.act")}
      initial={{ period: "month", seats: 1 }}
      words={{ conflict: t("plan.conflict") }}
      onClose={onClose}
      send={async (gift) => onGiven(await givePlan(id, gift))}
    >
      <p>{t("plan.giveWhat")}</p>
      <Loaded query={offers} rows={3}>
        {(all) => <Fields offers={all.filter((offer) => offer.retired_at === null)} />}
      </Loaded>
    </FormDialog>
  );
}

function Fields({ offers }: { offers: readonly Offer[] }) {
  const { t } = useTranslation(["opAccounts", "plan"]);
  const name = usePlanName();
  const form = Form.useFormInstance<PlanGift>();
  const chosen = Form.useWatch("plan_id", form);
  const most = offers.find((offer) => offer.id === chosen)?.most_seats ?? 1;
  return (
    <>
      <Form.Item name="plan_id" label={t("plan.tier")} rules={[{ required: true }]}>
        <Select autoFocus options={offers.map((offer) => ({ value: offer.id, label: name(offer) }))} />
      </Form.Item>
      <Form.Item name="period" label={t("plan.period")}>
        <Segmented
          aria-label={t("plan.period")}
          options={(["month", "year"] as const).map((value) => ({ value, label: t(`plan:period.${value}`) }))}
        />
      </Form.Item>
      <Form.Item name="seats" label={t("plan.seats")} hidden={most === 1}>
        <InputNumber min={1} max={most} precision={0} />
      </Form.Item>
    </>
  );
}
