// What the account menu switches for every page, remembered in cookies: the theme, which applies at once, and whether times
// are in UTC, which the server renders.
document.addEventListener("change", ({ target: input }) => {
  const isTheme = input.closest("[data-theme-switch]");
  if (!isTheme && !input.closest("[data-time-zone-switch]")) return;
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `${input.name}=${input.value}; path=/; max-age=31536000; samesite=lax${secure}`;
  if (isTheme) document.documentElement.dataset.theme = input.value;
  else location.replace(location.pathname + location.search);
});
