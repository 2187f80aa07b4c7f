// Asks once before a secret that was neither copied nor saved is left behind: on closing its dialog, on leaving the page.
(() => {
  const guarded = () => document.querySelector("[data-guard]");

  function release(field) {
    if (!field?.matches("[data-guard]")) return;
    field.removeAttribute("data-guard");
    for (const warning of document.querySelectorAll("[data-guard-warning]")) warning.hidden = true;
    for (const done of document.querySelectorAll("[data-guard-done]")) done.hidden = false;
  }

  document.addEventListener("copied", (event) => release(event.detail.field));
  document.addEventListener("copy", (event) => release(event.target));
  document.addEventListener("click", (event) => event.target.closest("[data-guard-release]") && release(guarded()));

  addEventListener("beforeunload", (event) => {
    if (guarded()) event.preventDefault();
  });

  // "cancel" does not bubble, so it is caught on its way down.
  document.addEventListener("cancel", (event) => {
    const dialog = event.target;
    const field = dialog.querySelector?.("[data-guard]");
    const warning = dialog.querySelector?.("[data-guard-warning]");
    if (!field || !warning) return;
    if (!warning.hidden) return release(field);
    event.preventDefault();
    warning.hidden = false;
  }, true);
})();
