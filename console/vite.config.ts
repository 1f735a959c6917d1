import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// `__NONCE__` is what the server replaces, anew for each reply; see `admin/console.py`.
export default defineConfig({
  base: "/console/",
  plugins: [react()],
  resolve: { alias: { "@": new URL("./src", import.meta.url).pathname } },
  html: { cspNonce: "__NONCE__" },
  build: {
    outDir: "../src/tokenmill/admin/static",
    emptyOutDir: true,
    manifest: true,
    target: "es2022",
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 1200,
  },
  server: { proxy: { "/console/api": "http://127.0.0.1:8080" } },
  test: { include: ["unit/**/*.test.{ts,tsx}"], environment: "node" },
});
