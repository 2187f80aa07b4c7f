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

// A place on the page: an element in words that also find its successor in another version of the page.
const places = (() => {
  const main = () => document.getElementById("main");

  const twins = (selector) => [...document.querySelectorAll(selector)].filter((each) => each.checkVisibility());

  function selectorOf(element) {
    const form = element.form ?? element.closest("form");
    if (element.id) return `#${CSS.escape(element.id)}`;
    if (element.matches("a[href]")) return `main a[href="${CSS.escape(element.getAttribute("href"))}"]`;
    if (!form?.hasAttribute("action")) return "";
    const action = `main form[action="${CSS.escape(form.getAttribute("action"))}"]`;
    return element.name ? `${action} [name="${CSS.escape(element.name)}"]` : `${action} button:not([type=button])`;
  }

  // Remembers an element in words that also find its successor, and the regions around it in case there is none.
  function remember(element) {
    const selector = selectorOf(element);
    const index = selector ? twins(selector).indexOf(element) : -1;
    const regions = [];
    for (let node = element.closest("[id], [aria-labelledby]"); node && node !== main(); node = node.parentElement?.closest("[id], [aria-labelledby]")) {
      if (node !== element) regions.push(node.getAttribute("aria-labelledby") || node.id);
    }
    return { element, selector, index, regions };
  }

  function successor({ element, selector, index, regions }) {
    if (element.isConnected && !element.disabled) return element;
    const same = selector ? twins(selector) : [];
    const region = regions.map((id) => document.getElementById(id)).find((each) => each?.checkVisibility() && each.textContent.trim());
    return same[index] ?? same.at(-1) ?? region?.querySelector(":scope > summary") ?? region ?? main();
  }

  function focusOn(element) {
    if (element.tabIndex < 0 && !element.hasAttribute("tabindex")) element.tabIndex = -1;
    element.focus({ preventScroll: true });
    if (element !== main()) element.scrollIntoView({ block: "nearest" });
  }

  return { remember, successor, focusOn };
})();

// A form that was sent by htmx and comes back with mistakes.
document.addEventListener("htmx:afterSettle", ({ detail }) => {
  const mistake = detail.xhr?.status === 422 && firstMistake();
  if (mistake) places.focusOn(mistake);
});

// A swap may take away what had the focus, like the button of what can be done no more, or a dialog with its answer.
(() => {
  let last = null;
  document.addEventListener("focusin", ({ target }) => {
    const place = target.closest("dialog")?.opener ?? target;
    last = place.closest("#main") && { focused: target, place: places.remember(place) };
  });
  document.addEventListener("pointerdown", () => (last = null)); // what can have the focus gets it after this

  function goOn() {
    if (document.activeElement === document.body && last && !last.focused.isConnected) places.focusOn(places.successor(last.place));
  }

  document.addEventListener("htmx:afterSettle", () => queueMicrotask(goOn)); // after those who know a better place
})();
