// Where attention belongs when a page opens: on the first mistake, or on the button of what waited for a confirmation.
const firstMistake = () => {
  const marked = ':is([aria-invalid="true"], .field--invalid :is(input, select, textarea)):not([type="hidden"], :disabled)';
  const field = [...document.querySelectorAll(marked)].find((each) => each.checkVisibility());
  return field ?? document.querySelector("[data-form-errors]");
};

(() => {
  function heldUp() {
    const path = document.querySelector("[data-not-done]")?.dataset.notDone;
    if (!path) return null;
    const leadsThere = (form) => new URL(form.getAttribute("action") ?? "", location).pathname === path;
    return [...document.forms].find(leadsThere)?.querySelector("button:not([type=button])");
  }

  const target = firstMistake() ?? heldUp();
  if (!target) return;
  target.focus({ preventScroll: true });
  target.scrollIntoView({ block: "center" });
})();

// A part that was asked for takes the place of the button that had asked for it, and with it the focus.
document.addEventListener("htmx:afterSettle", ({ target }) => {
  if (document.activeElement === document.body && target.matches("[data-takes-focus]")) target.focus({ preventScroll: true });
});
