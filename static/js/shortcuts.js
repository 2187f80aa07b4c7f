// Single keys, never while typing. This table is the one place that declares them; the list under "?" shows those that do
// something on the page. An element that one of several could mean is marked with data-shortcut.
(() => {
  const STORE = "shortcuts";
  const FIELD = "input:not([type=hidden], [type=checkbox], [type=radio]), select, textarea";
  const enabled = () => localStorage.getItem(STORE) !== "off";
  const typing = (element) => element.matches("input:not([type=checkbox], [type=radio]), select, textarea, [contenteditable]");
  const visible = (root, selector) => [...root.querySelectorAll(selector)].find((each) => each.checkVisibility() && !each.disabled);
  const drawer = () => document.querySelector("[data-drawer]:modal");
  const marked = (key) => visible(drawer() ?? document, `[data-shortcut="${key}"]`);
  const main = () => document.getElementById("main") ?? document.body;

  const rows = () => [...document.querySelectorAll("[data-row]")].filter((row) => row.checkVisibility());
  const focusedRow = () => document.activeElement.closest("[data-row]");
  const idOf = (row) => row && (visible(row, "[data-shortcut=c], [data-copy-text]") ?? row.dataset.rowId ?? row.querySelector("a[aria-haspopup=dialog]"));

  // Of the page, or of the whole console.
  function searchField() {
    const own = marked("/") ?? visible(main(), "form[role=search] :is(input[type=search], input[type=text])");
    return own ?? visible(document, "[data-find-open]");
  }

  function filterField() {
    const mark = marked("f");
    if (!mark || mark.matches(FIELD) || mark.matches("summary")) return mark ?? visible(main(), "form[role=search] :is(input[type=text], input[type=search], select)");
    return mark.form && [...mark.form.elements].find((each) => each.matches(FIELD) && each.checkVisibility());
  }

  function walk(step) {
    const all = rows();
    const here = all.indexOf(focusedRow());
    const row = all[here < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(Math.max(here + step, 0), all.length - 1)];
    row?.querySelector("a, button")?.focus();
    row?.scrollIntoView({ block: "nearest" });
  }

  // The request log's rows do not hold their ids, which would be a seventh of the page: the drawer has it.
  async function idInDrawer(link) {
    const response = await fetch(link.href, { headers: { "HX-Request": "true", "HX-Target": "drawer" } });
    const drawer = new DOMParser().parseFromString(await response.text(), "text/html");
    const button = drawer.querySelector("[data-shortcut=c]"); // not where the row was removed meanwhile
    return button && drawer.querySelector(button.dataset.copy).textContent;
  }

  async function copy(target) {
    const isLink = target instanceof HTMLAnchorElement;
    if (target instanceof Element && !isLink) return target.click();
    const id = isLink ? await idInDrawer(target) : target;
    if (!id) return target.click(); // the drawer says why
    const copied = await navigator.clipboard?.writeText(id).then(() => true, () => false);
    const detail = copied ? { level: "ok", text: `Copied ${id}` } : { level: "info", text: id };
    document.body.dispatchEvent(new CustomEvent("toast", { bubbles: true, detail }));
  }

  const words = (element) => element.innerText.trim();
  // Key, what it does, what it is about on this page (nothing: the key does nothing here), and the deed.
  const SHORTCUTS = [
    ["Ctrl K", () => "Search everything", () => visible(document, "[data-find-open]"), null],
    ["/", () => "Search", searchField, (target) => (target.matches(FIELD) ? target.focus() : target.click())],
    ["f", () => "Go to the first filter", filterField, (field) => (field.matches("summary") && (field.parentElement.open = true), field.focus())],
    ["n", words, () => marked("n"), (button) => button.click()],
    ["r", words, () => marked("r"), (button) => button.click()],
    ["j", () => "Next row", () => rows()[0], () => walk(1)],
    ["k", () => "Previous row", () => rows()[0], () => walk(-1)],
    ["Enter", () => "Open the row", () => rows()[0], null],
    ["c", (id) => (id instanceof Element && !id.closest("[data-row]") ? "Copy the ID" : "Copy the row's ID"), () => idOf(focusedRow()) ?? (focusedRow() ? null : marked("c")), copy],
    ["z", () => "Undo", () => [...document.querySelectorAll("[data-undo] button")].at(-1), (button) => button.click()],
    ["?", () => "Show this list", () => document.getElementById("shortcuts"), (dialog) => (list(), dialog.showModal())],
    ["Esc", () => "Close a dialog or menu", () => true, null],
  ];

  // Before a row is focused, "c" is listed where the rows have something to copy.
  const isUseful = ([key, , target]) => target() ?? (key === "c" && rows().some(idOf));

  function list() {
    const entries = SHORTCUTS.filter(isUseful).flatMap(([key, label, target]) => {
      const [term, text] = ["dt", "dd"].map((name) => document.createElement(name));
      term.append(Object.assign(document.createElement("kbd"), { textContent: key }));
      text.textContent = label(target());
      return [term, text];
    });
    document.querySelector("#shortcuts dl").replaceChildren(...entries);
  }

  document.addEventListener("click", (event) => event.target.closest('[data-dialog-open="shortcuts"]') && list(), true);

  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === "Enter" && event.target.matches("form textarea")) {
      return event.target.form.querySelector("button:not([type=button], :disabled)")?.click();
    }
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || !enabled() || event.key.length > 1) return;
    // Over a drawer, only what is in it can be meant; drawer.js has its other keys.
    if (typing(event.target) || (document.querySelector("dialog[open]") && !(drawer() && event.key === "c"))) return;
    const [, , target, act] = SHORTCUTS.find(([key]) => key === event.key) ?? [];
    const found = target?.();
    if (!found || !act) return;
    event.preventDefault();
    act(found);
  });

  // WCAG 2.1.4: whoever speaks to the computer, or types by accident, can turn single keys off.
  for (const box of document.querySelectorAll("[data-shortcuts-enabled]")) {
    box.checked = enabled();
    box.addEventListener("change", () => localStorage.setItem(STORE, box.checked ? "on" : "off"));
  }
})();
