/** The windows of a tier: at most so many Credits in each span. */
import { DeleteOutlined, PlusOutlined } from "@ant-design/icons";
import { Button, Form, Input, InputNumber, Select } from "antd";
import { useTranslation } from "react-i18next";

import { CREDITS } from "./patterns";
import { UNITS, type Unit } from "./terms";

export function WindowFields() {
  const { t } = useTranslation("opPlans");
  return (
    <Form.List name="windows">
      {(windows, { add, remove }) => (
        <fieldset className="tm-rows">
          <legend>{t("part.windows")}</legend>
          {windows.map(({ key, name }) => (
            <div key={key} className="tm-fields-row">
              <Form.Item
                name={[name, "name"]}
                label={t("field.windowName")}
                rules={[{ required: true, pattern: /^[a-z0-9]{1,16}$/, message: t("field.windowNameWrong") }]}
              >
                <Input autoComplete="off" />
              </Form.Item>
              <Form.Item name={[name, "every"]} label={t("field.every")} rules={[{ required: true, message: t("field.needed") }]}>
                <InputNumber min={1} precision={0} style={{ width: "100%" }} />
              </Form.Item>
              <Form.Item name={[name, "unit"]} label={t("field.unit")}>
                <Select options={(Object.keys(UNITS) as Unit[]).map((value) => ({ value, label: t(`field.units.${value}`) }))} />
              </Form.Item>
              <Form.Item
                name={[name, "credits"]}
                label={t("field.atMost")}
                rules={[{ required: true, pattern: CREDITS, message: t("field.creditsWrong") }]}
              >
                <Input inputMode="decimal" autoComplete="off" />
              </Form.Item>
              <Button
                icon={<DeleteOutlined aria-hidden />}
                aria-label={t("field.removeWindow", { number: name + 1 })}
                onClick={() => remove(name)}
              />
            </div>
          ))}
          <Button size="small" icon={<PlusOutlined aria-hidden />} onClick={() => add({ name: "", every: 5, unit: "hour", credits: "" })}>
            {t("field.addWindow")}
          </Button>
        </fieldset>
      )}
    </Form.List>
  );
}
