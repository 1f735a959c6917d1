/** The hours of a clock in which a tier costs fewer Credits. */
import { DeleteOutlined, PlusOutlined } from "@ant-design/icons";
import { Button, Form, Input, InputNumber, Select } from "antd";
import { useTranslation } from "react-i18next";

import { usePreferences } from "@/preferences";

const ZONES = ["UTC", ...Intl.supportedValuesOf("timeZone").filter((zone) => zone !== "UTC")];

export function OffPeakFields() {
  const { t } = useTranslation("opPlans");
  const { zone } = usePreferences();
  const needed = [{ required: true, message: t("field.needed") }];
  return (
    <Form.List name="off_peak">
      {(hours, { add, remove }) => (
        <fieldset className="tm-rows">
          <legend>
            {t("part.offPeak")}
            <span className="tm-second">{t("field.percentHint")}</span>
          </legend>
          {hours.map(({ key, name }) => (
            <div key={key} className="tm-fields-row">
              <Form.Item name={[name, "start"]} label={t("field.start")} rules={needed}>
                <Input type="time" />
              </Form.Item>
              <Form.Item name={[name, "end"]} label={t("field.end")} rules={needed}>
                <Input type="time" />
              </Form.Item>
              <Form.Item name={[name, "zone"]} label={t("field.zone")} rules={needed}>
                <Select showSearch options={ZONES.map((value) => ({ value, label: value }))} />
              </Form.Item>
              <Form.Item name={[name, "percent"]} label={t("field.percent")} rules={needed}>
                <InputNumber min={0} max={100} precision={1} style={{ width: "100%" }} />
              </Form.Item>
              <Button
                icon={<DeleteOutlined aria-hidden />}
                aria-label={t("field.removeHours", { number: name + 1 })}
                onClick={() => remove(name)}
              />
            </div>
          ))}
          <Button
            size="small"
            icon={<PlusOutlined aria-hidden />}
            onClick={() => add({ start: "00:00", end: "08:00", zone, percent: 80 })}
          >
            {t("field.addHours")}
          </Button>
        </fieldset>
      )}
    </Form.List>
  );
}
