#!/usr/bin/env bash
# Sets up Debian's Chromium and a font with Chinese characters, unless they are there.
set -euo pipefail
have() { command -v "${CHROMIUM:-chromium}" >/dev/null && fc-list :lang=zh 2>/dev/null | grep -q .; }
if have; then exit 0; fi
packages=(chromium fonts-noto-cjk fontconfig)
as_root=()
if [ "$(id -u)" != 0 ]; then as_root=(sudo -n); fi
if command -v apt-get >/dev/null && "${as_root[@]}" true 2>/dev/null; then
  log=$(mktemp)
  { "${as_root[@]}" apt-get update && DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y \
      --no-install-recommends "${packages[@]}"; } >"$log" 2>&1 || tail -n 20 "$log" >&2
  rm -f "$log"
fi
have || { echo "The console is tested in Chromium, and there is none that can show Chinese. On Debian: \
apt install ${packages[*]}; elsewhere set CHROMIUM to its program and install a font." >&2; exit 1; }
