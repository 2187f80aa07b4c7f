// A form is sent once: its button shows that it is busy and cannot be pressed again until there is an answer.
(() => {
  function hold(form, button) {
    form.dataset.sending = "";
    // After the browser has read the form, since a disabled button would not be part of it.
    setTimeout(() => {
      if (!("sending" in form.dataset) || !button) return;
      button.dataset.held = document.activeElement === button ? "focused" : "";
      button.disabled = true;
      button.setAttribute("aria-busy", "true");
    });
  }

  function free(form) {
    delete form.dataset.sending;
    for (const button of document.querySelectorAll("[data-held]")) {
      if (button.form !== form) continue;
      button.disabled = false;
      button.removeAttribute("aria-busy");
      if (button.dataset.held && document.activeElement === document.body) button.focus({ preventScroll: true });
      delete button.dataset.held;
    }
  }

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || form.matches("[data-submit-many]")) return;
    if ("sending" in form.dataset) return event.preventDefault();
    if (!event.defaultPrevented) hold(form, event.submitter);
  });

  document.addEventListener("htmx:beforeRequest", (event) => {
    const { elt, triggeringEvent } = event.detail.requestConfig;
    if (elt.matches("form")) hold(elt, triggeringEvent?.submitter);
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    const form = event.target.closest?.("form");
    if (form) free(form);
  });
  // Coming back by the back button finds the page as it was left: busy.
  addEventListener("pageshow", (event) => event.persisted && document.querySelectorAll("[data-sending]").forEach(free));
})();
