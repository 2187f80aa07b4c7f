// What is marked data-in-place acts without leaving the page: forms, and links in or on the mark. The server's page is
// fetched and its <main> replaces ours; focus and scroll position stay, and messages are announced. Without this script
// the same forms and links load the page.
(() => {
  const HEADERS = { "HX-Boosted": "true" }; // asks for a whole page; see config/web/middleware.py
  const main = () => document.getElementById("main");
  const isOurs = (detail) => detail.requestConfig?.headers["HX-Boosted"] === "true";

  // --- what surrounds <main> -----------------------------------------------------------------------------------

  function outcome(page, { xhr, requestConfig: { elt } }) {
    if (xhr.status === 422) return ""; // the focus goes to what is wrong
    const words = page.querySelector("main [data-announce]")?.textContent;
    return (words ?? (elt.matches("a") ? elt.title || elt.textContent : page.title)).trim();
  }

  function takeOver(page, detail) {
    for (const part of ["#sidebar .nav", "#favicon"]) {
      const [ours, theirs] = [document, page].map((each) => each.querySelector(part));
      if (ours && theirs) ours.replaceWith(theirs);
    }
    const frame = page.getElementById("main")?.parentElement;
    if (frame) main().parentElement.className = frame.className;
    const notices = [...page.querySelectorAll("#toasts > [data-toast]")];
    for (const notice of notices) {
      document.body.dispatchEvent(new CustomEvent("toast", { bubbles: true, detail: { notice } }));
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

  let before = null; // where the last act was done: after undoing it, one is there again

  async function act(event, source, verb, url, values) {
    event.preventDefault();
    const dialog = source.closest("dialog");
    const mark = (source.matches("[data-undo]") && before) || places.remember(dialog?.opener ?? event.submitter ?? source);
    before = mark;
    const top = scrollY;
    await htmx.ajax(verb, url, {
      event, source, values, headers: HEADERS, target: "#main", select: "#main", swap: "outerHTML show:none", push: "true",
    });
    if (source.isConnected && !dialog) return document.activeElement === document.body && places.focusOn(places.successor(mark));
    dialog?.close();
    scrollTo({ top, behavior: "instant" });
    places.focusOn(firstMistake() ?? places.successor(mark));
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
