// Single keys: elements name theirs with data-shortcut; j and k walk over [data-row]. Never while typing.
(() => {
  const STORE = "shortcuts";
  const enabled = () => localStorage.getItem(STORE) !== "off";
  const typing = (element) => element.matches("input:not([type=checkbox], [type=radio]), select, textarea, [contenteditable]");

  function walk(step) {
    const rows = [...document.querySelectorAll("[data-row]")].filter((row) => row.checkVisibility());
    const here = rows.findIndex((row) => row.contains(document.activeElement));
    const row = rows[here < 0 ? (step > 0 ? 0 : rows.length - 1) : Math.min(Math.max(here + step, 0), rows.length - 1)];
    row?.querySelector("a, button")?.focus();
    row?.scrollIntoView({ block: "nearest" });
  }

  function use(key) {
    const name = `[data-shortcut="${CSS.escape(key)}"]`;
    const row = document.activeElement.closest("[data-row]");
    const target = row?.querySelector(name) || document.querySelector(name);
    if (!target) return false;
    if (target.matches("input, select")) target.focus();
    else target.click();
    return true;
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !enabled() || event.key.length > 1) return;
    if (typing(event.target) || document.querySelector("dialog[open]")) return;
    if (event.key === "j" || event.key === "k") walk(event.key === "j" ? 1 : -1);
    else if (event.key === "?") document.getElementById("shortcuts")?.showModal();
    else if (!use(event.key)) return;
    event.preventDefault();
  });

  // WCAG 2.1.4: whoever speaks to the computer, or types by accident, can turn single keys off.
  for (const box of document.querySelectorAll("[data-shortcuts-enabled]")) {
    box.checked = enabled();
    box.addEventListener("change", () => localStorage.setItem(STORE, box.checked ? "on" : "off"));
  }
})();
