// Applies the chosen theme at once and remembers it in a cookie, from which the server renders the next page.
document.addEventListener("change", (event) => {
  const input = event.target;
  if (!input.closest("[data-theme-switch]")) return;
  document.documentElement.dataset.theme = input.value;
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `theme=${input.value}; path=/; max-age=31536000; samesite=lax${secure}`;
});
