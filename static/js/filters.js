// A filter bar applies what is set at once, without empty parameters in the address, and says how many rows match.
(() => {
  let announce = false, backTo = "";

  function withoutEmpty(form, act) {
    const empty = [...form.elements].filter((field) => field.name && !field.value && !field.disabled);
    empty.forEach((field) => (field.disabled = true));
    act(() => empty.forEach((field) => (field.disabled = false)));
  }

  // Without htmx, the browser itself sends the form.
  document.addEventListener("submit", (event) => {
    if (event.target.method !== "get" || !event.target.closest("[data-filter-bar]")) return;
    withoutEmpty(event.target, (restore) => setTimeout(restore));
  });

  // The search field holds a key, which is not sent.
  document.addEventListener("htmx:validation:halted", ({ target }) => {
    if (target.closest("[data-filter-bar]")) target.reportValidity();
  });

  function isShown(filters) {
    const sorted = (pairs) => JSON.stringify([...pairs].sort());
    return sorted(filters) === sorted(new URLSearchParams(location.search));
  }

  document.addEventListener("htmx:configRequest", (event) => {
    const { elt, formData, triggeringEvent } = event.detail;
    if (!elt.closest("[data-filter-bar]")) return;
    const field = triggeringEvent?.type === "change" && triggeringEvent.target;
    // A search field has sent what was typed by then; a field of the time range is sent by its own form.
    if (field && (field.type === "search" || field.form !== elt)) return event.preventDefault();
    for (const [name, value] of [...formData]) if (!value) formData.delete(name);
    // Enter in a changed field fires both change and submit.
    if (elt.matches("[role=search]") && isShown(formData)) return event.preventDefault();
    backTo = elt.closest("#time-range") || elt.matches("form:not([role])") ? "time-range-toggle" : "filter-more-toggle";
  });

  // After a chip or a preset, the fields show what the address says; never the one that somebody is typing into.
  function showFilters(form) {
    const set = new URLSearchParams(location.search);
    for (const field of form.elements) {
      const own = field.form === form && field.name && field.type !== "hidden";
      if (own && field !== document.activeElement) field.value = set.get(field.name) ?? "";
    }
  }

  function showErrors(form) {
    for (const notes of form.querySelectorAll("[data-notes-of]")) {
      const field = document.getElementById(notes.dataset.notesOf);
      const error = notes.querySelector(".field__error");
      for (const [name, value] of [["aria-invalid", error && "true"], ["aria-describedby", error?.id]]) {
        if (value) field.setAttribute(name, value);
        else field.removeAttribute(name);
      }
    }
  }

  function showResults() {
    const form = document.querySelector("[data-filter-bar] form[role=search]");
    if (form) showFilters(form);
    if (form) showErrors(form);
    // The time range and the chips were replaced, and with them what had the focus.
    if (document.activeElement !== document.body) return;
    const invalid = form?.querySelector('details[open] [aria-invalid="true"]');
    (invalid ?? document.getElementById(backTo))?.focus({ preventScroll: true });
  }

  document.addEventListener("htmx:afterSettle", ({ target }) => {
    if (target.id === "results") {
      showResults();
      announce = true;
    }
    // The number of matches comes with the results, or after them.
    const number = "#results [data-tally-text], #results:not(:has([data-tally])) .empty__title";
    const words = announce && document.querySelector(number);
    if (!words) return;
    announce = false;
    document.getElementById("announcement").textContent = words.textContent.trim();
  });
})();
