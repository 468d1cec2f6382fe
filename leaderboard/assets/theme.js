/* Light or dark: the reader's choice, else the system's. Loaded before the page is drawn. */
"use strict";

(() => {
  const root = document.documentElement;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const stored = () => { try { return localStorage.getItem("theme"); } catch { return null; } };

  const apply = (theme) => {
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    else delete root.dataset.theme;
    root.classList.toggle("dark", root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
    document.dispatchEvent(new Event("themechange"));
  };

  apply(stored());
  dark.addEventListener("change", () => apply(stored()));
  document.addEventListener("DOMContentLoaded", () => {
    for (const button of document.querySelectorAll("button.theme")) {
      button.hidden = false;
      button.addEventListener("click", () => {
        const next = root.classList.contains("dark") ? "light" : "dark";
        try { localStorage.setItem("theme", next); } catch { /* Then it holds for this page. */ }
        apply(next);
      });
    }
  });
})();
