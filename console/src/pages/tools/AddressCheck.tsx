/** Looks at a Base URL that somebody has put into a tool, and says what is wrong with it. */
import { Alert, Flex, Input } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import type { KeyKind, ToolGuide } from "@/api/queries/tools";

import { findingOf } from "./addresses";

export function AddressCheck({ guide, purse }: { guide: ToolGuide; purse: KeyKind }) {
  const { t } = useTranslation("tools");
  const [given, setGiven] = useState("");
  const finding = given.trim() === "" ? null : findingOf(given, guide, purse);
  const right = guide.wires.find((each) => each.wire === guide.wire)?.base_url ?? "";
  return (
    <Flex vertical gap={8} style={{ maxWidth: 640 }}>
      <label htmlFor="tool-address">{t("check.label")}</label>
      <Input
        id="tool-address"
        value={given}
        placeholder={right}
        onChange={(event) => setGiven(event.target.value)}
        spellCheck={false}
      />
      {finding !== null && (
        <Alert
          type={finding === "right" ? "success" : "warning"}
          showIcon
          title={t(`check.${finding}`, { url: right })}
        />
      )}
    </Flex>
  );
}
