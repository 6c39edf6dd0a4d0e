"use strict";

// Light and dark follow the system until the button is pressed; what is drawn in colours listens to "theme".
{
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const tell = () => document.dispatchEvent(new Event("theme"));
  dark.addEventListener("change", tell);
  document.getElementById("theme").addEventListener("click", () => {
    const root = document.documentElement, now = root.dataset.theme ?? (dark.matches ? "dark" : "light");
    root.dataset.theme = now === "dark" ? "light" : "dark";
    tell();
  });
}
