/** Which targets serve a model, under which name, in which order. */
import { PlusOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { Alert, Button, Flex, Form, Input, InputNumber, Select } from "antd";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { targetsQuery } from "@/api/queries/catalogue";

export function TargetRows() {
  const { t } = useTranslation(["opModels", "common"]);
  const { data } = useQuery(targetsQuery);
  const options = (data ?? []).map(({ id, engine }) => ({ value: id, label: `${id} · ${engine}` }));
  return (
    <>
      <p className="tm-quiet" style={{ marginTop: 0 }}>
        {t("targetsAbout")}
      </p>
      {data?.length === 0 && <Alert type="warning" showIcon title={<Link to="/op/targets?new=1">{t("noTargets")}</Link>} />}
      <Form.List name="targets">
        {(rows, { add, remove }) => (
          <Flex vertical gap={12}>
            {rows.map(({ key, name }) => (
              <Flex key={key} gap={12} wrap align="start" className="tm-panel" style={{ padding: 12 }}>
                <Form.Item
                  name={[name, "target"]}
                  label={t("field.target")}
                  rules={[{ required: true, message: t("wrong.target") }]}
                  style={{ flex: "2 1 180px", marginBottom: 0 }}
                >
                  <Select showSearch options={options} />
                </Form.Item>
                <Form.Item
                  name={[name, "model"]}
                  label={t("field.upstream")}
                  rules={[{ required: true, whitespace: true, message: t("wrong.upstream") }]}
                  style={{ flex: "3 1 200px", marginBottom: 0 }}
                >
                  <Input autoComplete="off" placeholder="Qwen/Qwen3-8B" />
                </Form.Item>
                {(["priority", "weight"] as const).map((field) => (
                  <Form.Item
                    key={field}
                    name={[name, field]}
                    label={t(`field.${field}`)}
                    rules={[{ required: true, message: t("wrong.count") }]}
                    style={{ flex: "1 1 90px", marginBottom: 0 }}
                  >
                    <InputNumber min={0} max={1_000_000} precision={0} style={{ width: "100%" }} />
                  </Form.Item>
                ))}
                <Button disabled={rows.length === 1} onClick={() => remove(name)} style={{ alignSelf: "end" }}>
                  {t("takeOut")}
                </Button>
              </Flex>
            ))}
            <div>
              <Button
                icon={<PlusOutlined aria-hidden />}
                onClick={() => add({ model: "", weight: 1, priority: rows.length })}
              >
                {t("anotherTarget")}
              </Button>
            </div>
          </Flex>
        )}
      </Form.List>
    </>
  );
}
