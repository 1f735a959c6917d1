// Runs before the first paint, so that nobody in the dark is flashed with white.
(function () {
  var chosen = null;
  try {
    chosen = localStorage.getItem("tm-theme");
  } catch (refused) {
    // Storage may be forbidden; then the system's choice holds.
  }
  var dark = chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = dark ? "dark" : "light";
})();
