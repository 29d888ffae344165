// Sets the theme before the first paint, and stores the choice of the switch.
"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("js"); // shows the controls that need scripts from the first paint on
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const stored = () => {
    try { return localStorage.getItem("theme"); } catch { return null; }
  };
  const isDark = () => (root.dataset.theme || (dark.matches ? "dark" : "light")) === "dark";
  const announce = () => {
    document.querySelector("[data-theme-switch]")?.setAttribute("aria-pressed", String(isDark()));
    document.dispatchEvent(new Event("themechange"));
  };
  const saved = stored();
  if (saved === "light" || saved === "dark") root.dataset.theme = saved;

  document.addEventListener("DOMContentLoaded", () => {
    const button = document.querySelector("[data-theme-switch]");
    if (!button) return;
    announce();
    dark.addEventListener("change", announce);
    button.addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      try { localStorage.setItem("theme", root.dataset.theme); } catch { /* the choice lasts for this page only */ }
      announce();
    });
  });
})();
