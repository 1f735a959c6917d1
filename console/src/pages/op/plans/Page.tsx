/** The tiers of the Token Plan, who holds them, and writing them. */
import { PlusOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { App, Button } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { offersQuery, presetsQuery, writePlan, type Offer } from "@/api/queries/offers";
import { Empty } from "@/parts/Empty";
import { useFaultText } from "@/parts/faults";
import { Loaded } from "@/parts/Loaded";
import { Page } from "@/parts/Page";

import { EditPlan } from "./EditPlan";
import { Offers } from "./Offers";
import { termsOf, valuesOf } from "./terms";

export default function Plans() {
  const { t } = useTranslation("opPlans");
  const query = useQuery(offersQuery);
  const [edited, setEdited] = useState<Offer | "new" | null>(null);
  return (
    <Page
      title={t("title")}
      about={t("about")}
      actions={
        <>
          {query.data !== undefined && <AddPresets offers={query.data} />}
          <Button type="primary" icon={<PlusOutlined aria-hidden />} onClick={() => setEdited("new")}>
            {t("new")}
          </Button>
        </>
      }
    >
      <Loaded query={query} rows={6}>
        {(offers) => (offers.length === 0 ? <Empty title={t("none")} /> : <Offers offers={offers} onEdit={setEdited} />)}
      </Loaded>
      {edited !== null && (
        <EditPlan
          edited={edited === "new" ? null : edited}
          taken={(query.data ?? []).map(({ id }) => id)}
          onClose={() => setEdited(null)}
        />
      )}
    </Page>
  );
}

/** Puts those that ship on offer whose ids are not here. */
function AddPresets({ offers }: { offers: readonly Offer[] }) {
  const { t } = useTranslation("opPlans");
  const { message } = App.useApp();
  const say = useFaultText();
  const { data: presets } = useQuery(presetsQuery);
  const [busy, setBusy] = useState(false);
  const missing = (presets ?? []).filter(({ id }) => !offers.some((offer) => offer.id === id));
  if (missing.length === 0) return null;

  async function add(): Promise<void> {
    setBusy(true);
    try {
      for (const preset of missing) await writePlan(preset.id, { ...termsOf(valuesOf(preset)), position: null });
      void message.success(t("presetsAdded"));
    } catch (cause) {
      void message.error(say(cause));
    } finally {
      setBusy(false);
    }
  }

  return (
    <Button loading={busy} onClick={() => void add()}>
      {t("addPresets", { count: missing.length })}
    </Button>
  );
}
