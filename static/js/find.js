// The search dialog (Ctrl+K or Cmd+K; shortcuts.js has "/"): a combobox whose options the server sends.
// A pasted secret is compared with the visible ends of keys here, and is never sent.
(() => {
  const RECENT = "find-recent:";
  const MOST_RECENT = 8;
  // More of a key than its public ten characters, a session token, and what headers and forms carry. The server refuses them too.
  const SECRET = /cl(?:api|ext)_[\w-]{5,}|eyJ[\w-]{5,}|\bbearer\s+\S{8}|\b(?:authorization|password|token)['"]?\s*[=:]/i;
  const KEY = /clapi_[\w-]{5,}/;
  const dialog = document.querySelector("[data-find]");

  function forget(kept = "") {
    Object.keys(localStorage).filter((name) => name.startsWith(RECENT) && name !== kept).forEach((name) => localStorage.removeItem(name));
  }

  document.addEventListener("submit", ({ target }) => target.matches('[action$="/accounts/logout/"]') && forget());
  if (!dialog) return forget(); // nobody is signed in

  const store = RECENT + dialog.dataset.find;
  const form = dialog.querySelector("form");
  const field = dialog.querySelector("[role=combobox]");
  const list = dialog.querySelector("[role=listbox]");
  const note = dialog.querySelector("[data-find-note]");
  const status = dialog.querySelector("[data-find-status]");
  let keys = null;
  let asked = null; // the text that was sent last
  let answered = null; // the text that the results are for
  let entered = false; // Enter was pressed before there were results
  forget(store);

  const options = () => [...list.querySelectorAll("[role=option]")];
  const marked = () => list.querySelector('[aria-selected="true"]');
  const isSecret = () => SECRET.test(field.value);

  function recent() {
    try {
      return JSON.parse(localStorage.getItem(store) ?? "[]").filter(({ url }) => url.startsWith("/"));
    } catch {
      return [];
    }
  }

  function remember(option) {
    const text = (name) => option.querySelector(name)?.textContent ?? "";
    const one = { label: text(".find__label"), detail: text(".find__detail"), url: option.getAttribute("href") };
    localStorage.setItem(store, JSON.stringify([one, ...recent().filter(({ url }) => url !== one.url)].slice(0, MOST_RECENT)));
  }

  function mark(option) {
    marked()?.setAttribute("aria-selected", "false");
    option?.setAttribute("aria-selected", "true");
    option?.scrollIntoView({ block: "nearest" });
    if (option) field.setAttribute("aria-activedescendant", option.id);
    else field.removeAttribute("aria-activedescendant");
  }

  function show(words) {
    const some = options().length > 0;
    list.hidden = !some;
    note.hidden = !words;
    note.textContent = words;
    status.textContent = words || list.querySelector("[data-find-answer]")?.dataset.findAnswer || "";
    field.setAttribute("aria-expanded", String(some));
    mark(options()[0]);
    if (entered && answered === field.value) marked()?.click();
  }

  function group(name, label, found) {
    const make = (tag, attributes, ...inner) => {
      const element = document.createElement(tag);
      for (const [attribute, value] of Object.entries(attributes)) element.setAttribute(attribute, value);
      element.append(...inner);
      return element;
    };
    const heading = make("p", { class: "find__group", role: "presentation", id: `find-${name}` }, label);
    const links = found.map(({ label, detail, url }, place) => {
      const inner = [make("bdi", { class: "find__label" }, label), make("bdi", { class: "find__detail" }, detail ?? "")];
      return make("a", { class: "find__option", role: "option", id: `find-${name}-${place + 1}`, href: url, tabindex: "-1", "aria-selected": "false" }, ...inner);
    });
    return make("div", { role: "group", "aria-labelledby": `find-${name}` }, heading, ...links);
  }

  function matchKey() {
    answered = field.value;
    const text = field.value.match(KEY)?.[0] ?? "";
    const found = (keys ?? []).filter(({ prefix, last4 }) => prefix && last4 && text.startsWith(prefix) && text.endsWith(last4));
    list.replaceChildren(...(found.length ? [group("matched", "The key that was pasted, matched in this browser", found)] : []));
    if (found.length) return show("");
    if (!text) return show("That looks like a secret, so it is not searched for. It did not leave this browser.");
    if (keys === null) return show("A key is matched in this browser, in its workspace. Open the workspace first. Nothing was sent.");
    show(`None of the ${keys.length} keys known here has these ends. It may belong to another user or organization. Nothing was sent.`);
  }

  function look() {
    if (isSecret()) matchKey();
    if (!isSecret() || keys === null) htmx.trigger(form, "find");
  }

  function open(text = "") {
    if (document.querySelector("dialog[open]")) return;
    document.querySelector(":popover-open")?.hidePopover();
    dialog.showModal();
    entered = false;
    answered = null;
    field.value = text;
    field.focus();
    look();
  }

  // The page that shows results without JavaScript has a form too.
  document.addEventListener("submit", (event) => {
    const text = event.target.matches("[data-find-form]") ? event.target.elements.q.value : "";
    if (!SECRET.test(text)) return;
    event.preventDefault();
    if (dialog.contains(event.target)) return;
    event.target.reset();
    open(text);
  });

  // An earlier request may still wait to be sent, with what the field holds by then.
  form.addEventListener("htmx:configRequest", ({ detail }) => {
    asked = field.value;
    if (isSecret()) detail.parameters.q = "";
  });

  list.addEventListener("htmx:afterSwap", () => {
    const answer = list.querySelector("[data-find-answer]");
    answered = asked;
    if (answer.dataset.findKeys) keys = JSON.parse(answer.dataset.findKeys);
    if (isSecret()) return matchKey();
    const places = recent();
    if (!answer.dataset.findQuery && places.length) list.prepend(group("recent", "Recent", places));
    for (const { url } of places.reverse()) {
      const option = options().find((each) => each.getAttribute("href") === url);
      const heading = option?.parentElement.firstElementChild;
      if (heading) heading.after(option);
    }
    const { findQuery, findNote } = answer.dataset;
    show(options().length ? "" : [`Nothing was found for “${findQuery}”.`, findNote ?? ""].join(" ").trim());
  });
  form.addEventListener("htmx:sendError", () => show("The console does not answer. Try again."));
  form.addEventListener("htmx:responseError", () => show("The search failed. Try again."));

  field.addEventListener("input", () => {
    entered = false;
    look();
  });
  field.addEventListener("keydown", (event) => {
    const all = options();
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && all.length) mark(all[(all.indexOf(marked()) + step + all.length) % all.length]);
    else if (event.key !== "Enter" || event.isComposing) return;
    else if (answered === field.value) marked()?.click();
    else entered = true;
    event.preventDefault();
  });
  list.addEventListener("click", (event) => {
    const option = event.target.closest("[role=option]");
    if (!option) return;
    remember(option);
    if (!event.ctrlKey && !event.metaKey && !event.shiftKey) dialog.close(); // it may lead to a place on this page
  });
  dialog.addEventListener("close", () => {
    field.value = "";
    list.replaceChildren();
  });

  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-find-open]")) return;
    event.preventDefault();
    open();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
    event.preventDefault();
    open();
  });
  if (/Mac|iPhone|iPad/.test(navigator.platform)) for (const hint of document.querySelectorAll("[data-find-keys-shown]")) hint.textContent = "⌘K";
})();
