/** A new password, with how long it has to be. */
import { useQuery } from "@tanstack/react-query";
import { Form, Input } from "antd";
import { useTranslation } from "react-i18next";

import { welcomeQuery } from "@/api/queries/session";

interface Props {
  name: string;
  label: string;
  autoFocus?: boolean;
}

export function PasswordField({ name, label, autoFocus = false }: Props) {
  const { t } = useTranslation("entry");
  const { data } = useQuery(welcomeQuery);
  const least = data?.shortest_password ?? 8;
  const most = data?.longest_password ?? 1024;
  return (
    <Form.Item
      name={name}
      label={label}
      extra={t("newPassword.length", { least })}
      rules={[
        { required: true },
        { min: least, message: t("newPassword.length", { least }) },
        { max: most, message: t("newPassword.tooLong", { most }) },
      ]}
    >
      <Input.Password autoComplete="new-password" autoFocus={autoFocus} />
    </Form.Item>
  );
}
