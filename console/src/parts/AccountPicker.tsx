/** Finds an account by a part of its address; empty stands for all of them. For operators. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { Select } from "antd";
import { useState } from "react";

import { accountsQuery } from "@/api/queries/accounts";

interface Props {
  id?: string;
  value?: string | undefined;
  onChange?: (id: string | undefined) => void;
  placeholder: string;
  disabled?: boolean;
  /** How the chosen one is called, when a search does not find it. */
  known?: { id: string; email: string } | null;
  label?: string;
}

export function AccountPicker({ id, value, onChange, placeholder, disabled = false, known = null, label }: Props) {
  const [text, setText] = useState("");
  const { data, isFetching } = useInfiniteQuery(accountsQuery(text, false));
  const found = (data?.pages[0]?.data ?? []).map((account) => ({ value: account.id, label: account.email }));
  const options =
    known === null || found.some((each) => each.value === known.id) ? found : [{ value: known.id, label: known.email }, ...found];
  return (
    <Select
      {...(id !== undefined && { id })}
      {...(label !== undefined && { "aria-label": label })}
      allowClear
      showSearch={{ filterOption: false, onSearch: setText }}
      loading={isFetching}
      disabled={disabled}
      placeholder={placeholder}
      options={options}
      value={value ?? null}
      onChange={(chosen: string | null | undefined) => onChange?.(chosen ?? undefined)}
      style={{ width: "100%" }}
    />
  );
}
