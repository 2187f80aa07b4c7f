// Fires "refresh" on [data-refresh-seconds] elements, but only while somebody looks and nobody is in the middle of something.
(() => {
  const last = new WeakMap();
  const root = document.documentElement;

  // A checkbox has a value of its own, ticked or not.
  function isEdited(field) {
    return field.matches("[type=checkbox], [type=radio]") ? field.checked !== field.defaultChecked : field.value !== field.defaultValue;
  }

  function busy(area) {
    if (document.hidden || "refreshPaused" in root.dataset) return true;
    if (document.querySelector("dialog[open]")) return true;
    if (area.querySelector("[data-select-item]:checked, details[data-menu][open], [aria-invalid=true]")) return true;
    const fields = [...area.querySelectorAll("form[method=post] :is(input:not([type=hidden]), textarea)")];
    if (fields.some((field) => isEdited(field) && field.checkVisibility())) return true; // typed, not saved
    return area.contains(document.activeElement) && document.activeElement.matches("input, select, textarea, .alert-banner *");
  }

  function tick() {
    const now = Date.now();
    for (const area of document.querySelectorAll("[data-refresh-seconds]")) {
      if (!last.has(area)) last.set(area, now);
      if (now - last.get(area) < area.dataset.refreshSeconds * 1000 || busy(area)) continue;
      last.set(area, now);
      area.dispatchEvent(new CustomEvent("refresh"));
    }
  }

  // What somebody unfolded stays open, and what was folded stays shut.
  const folds = new Map();
  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    folds.clear();
    for (const fold of detail.target?.querySelectorAll?.("details[id]") ?? []) {
      const isDone = fold.matches("[data-fold-when-sent]") && fold.contains(detail.requestConfig.elt);
      if (!isDone) folds.set(fold.id, fold.open);
    }
  });
  document.addEventListener("htmx:afterSwap", () => {
    for (const [id, open] of folds) document.getElementById(id)?.toggleAttribute("open", open);
  });

  function showPause() {
    for (const button of document.querySelectorAll("[data-refresh-pause]")) {
      button.setAttribute("aria-pressed", String("refreshPaused" in root.dataset));
    }
  }

  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-refresh-pause]")) return;
    if ("refreshPaused" in root.dataset) delete root.dataset.refreshPaused;
    else root.dataset.refreshPaused = "";
    showPause();
  });

  // The tab says how many alerts fire, as the part of the page that was loaded last knows.
  document.addEventListener("htmx:load", () => {
    const firing = Number(document.getElementById("alert-banners")?.dataset.firing ?? 0);
    document.title = `${firing ? `(${firing}) ` : ""}${document.title.replace(/^\(\d+\) /, "")}`;
  });

  // A session ends when its person idles, so the server has to know what only the page asked for.
  document.addEventListener("htmx:configRequest", (event) => {
    if (!event.detail.triggeringEvent?.isTrusted) event.detail.headers["Console-Automatic"] = "true";
  });

  document.addEventListener("htmx:load", showPause);
  document.addEventListener("visibilitychange", tick);
  setInterval(tick, 1000);
})();
