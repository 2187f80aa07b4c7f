// What is marked data-in-place acts without leaving the page: forms, and links in or on the mark. The server's page is
// fetched and its <main> replaces ours; focus and scroll position stay, and messages are announced. Without this script
// the same forms and links load the page.
(() => {
  const HEADERS = { "HX-Boosted": "true" }; // asks for a whole page; see config/web/middleware.py
  const main = () => document.getElementById("main");
  const isOurs = (detail) => detail.requestConfig?.headers["HX-Boosted"] === "true";

  // --- focus ---------------------------------------------------------------------------------------------------

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
    const region = regions.map((id) => document.getElementById(id)).find((each) => each?.checkVisibility());
    return same[index] ?? same.at(-1) ?? region ?? main();
  }

  function focusOn(element) {
    if (element.tabIndex < 0 && !element.hasAttribute("tabindex")) element.tabIndex = -1;
    element.focus({ preventScroll: true });
    if (element !== main()) element.scrollIntoView({ block: "nearest" });
  }

  // --- what surrounds <main> -----------------------------------------------------------------------------------

  function outcome(page, { xhr, requestConfig: { elt } }) {
    if (xhr.status === 422) return ""; // the focus goes to what is wrong
    const words = page.querySelector("main [data-announce]")?.textContent;
    return (words ?? (elt.matches("a") ? elt.title || elt.textContent : page.title)).trim();
  }

  function takeOver(page, detail) {
    const [ours, theirs] = [document, page].map((each) => each.querySelector("#sidebar .nav"));
    if (ours && theirs) ours.replaceWith(theirs);
    const frame = page.getElementById("main")?.parentElement;
    if (frame) main().parentElement.className = frame.className;
    const notices = [...page.querySelectorAll("#toasts > [data-toast]")];
    for (const notice of notices) {
      const undo = notice.querySelector("[data-undo]");
      const toast = { level: notice.dataset.toast, text: notice.querySelector("[data-toast-text]").textContent, undo };
      document.body.dispatchEvent(new CustomEvent("toast", { bubbles: true, detail: toast }));
    }
    document.getElementById("announcement").textContent = notices.length ? "" : outcome(page, detail);
  }

  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    if (!isOurs(detail) || !detail.shouldSwap) return;
    const page = new DOMParser().parseFromString(detail.serverResponse, "text/html");
    if (page.getElementById("main")) takeOver(page, detail);
    else detail.shouldSwap = false;
  });

  // The address changes only if the server led elsewhere, and Back then leads here again.
  document.addEventListener("htmx:beforeHistoryUpdate", ({ detail }) => {
    const here = location.pathname + location.search;
    const isMistake = detail.xhr.status === 422;
    if (!isOurs(detail) || (detail.history.path.split("#")[0] !== here && !isMistake)) return;
    Object.assign(detail.history, { type: "replace", path: here + location.hash });
  });

  // --- acting --------------------------------------------------------------------------------------------------

  async function act(event, source, verb, url, values) {
    event.preventDefault();
    const dialog = source.closest("dialog");
    const mark = remember(dialog?.opener ?? event.submitter ?? source);
    const top = scrollY;
    await htmx.ajax(verb, url, {
      event, source, values, headers: HEADERS, target: "#main", select: "#main", swap: "outerHTML show:none", push: "true",
    });
    if (source.isConnected && !dialog) return document.activeElement === document.body && focusOn(successor(mark));
    dialog?.close();
    scrollTo({ top, behavior: "instant" });
    focusOn(firstMistake() ?? successor(mark));
  }

  document.addEventListener("submit", (event) => {
    const { target: form, submitter } = event;
    if (event.defaultPrevented || !form.matches("[data-in-place]") || !main()) return;
    const url = submitter?.getAttribute("formaction") ?? form.getAttribute("action") ?? location.pathname + location.search;
    act(event, form, form.method, url, submitter?.name ? { [submitter.name]: submitter.value } : {});
  });

  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-in-place] a[href], a[data-in-place]");
    if (!link || link.target || link.hasAttribute("hx-get") || event.defaultPrevented || !main()) return;
    if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    act(event, link, "get", link.getAttribute("href"));
  });
})();
