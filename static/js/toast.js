// Shows notices: those sent by HX-Trigger {"toast": {level, text}}, and what htmx could not do.
(() => {
  const list = () => document.getElementById("toasts");

  function expire(toast) {
    // Warnings and failures stay until dismissed: they may be read by someone who was not looking.
    if (!toast.matches(".toast--ok, .toast--info")) return;
    const seconds = toast.querySelector("[data-undo]") ? 20 : 8; // whoever has to get there first needs longer
    const timer = setTimeout(() => (toast.matches(":hover, :focus-within") ? expire(toast) : toast.remove()), seconds * 1000);
    toast.addEventListener("click", () => clearTimeout(timer), { once: true });
  }

  const GLYPHS = { ok: "check", info: "info", warning: "warning", danger: "danger" };

  function made(level, text) {
    const toast = document.getElementById("toast").content.cloneNode(true).querySelector("[data-toast]");
    const known = level in GLYPHS ? level : "info", icon = toast.querySelector("use");
    toast.classList.replace("toast--info", `toast--${known}`);
    toast.dataset.toast = known;
    icon.setAttribute("href", `${icon.getAttribute("href").split("#")[0]}#${GLYPHS[known]}`);
    toast.querySelector("[data-toast-text]").textContent = text;
    return toast;
  }

  function show(toast) {
    list().append(toast);
    // Shown anew, it lies above a dialog that was opened in the meantime.
    list().hidePopover();
    list().showPopover();
    expire(toast);
  }

  const MEANINGS = {
    403: "You don't have permission to do this. Ask a workspace owner.",
    404: "This no longer exists. Reload the page.",
    413: "This is too large to send. Make it smaller and try again.",
    429: "Too many requests. Wait a moment and try again.",
  };

  // "notice" is one from a page that the server sent, with its links and its button "Undo".
  document.addEventListener("toast", ({ detail }) => show(detail.notice ?? made(detail.level, detail.text)));
  const isShown = (text) => [...list().querySelectorAll("[data-toast-text]")].some((one) => one.textContent === text);
  // Once, however often a page that refreshes itself comes upon it.
  const say = (level, text) => isShown(text) || show(made(level, text));
  document.addEventListener("htmx:sendError", () => say("danger", "The console can't be reached. Check your connection and try again."));
  document.addEventListener("htmx:timeout", () => say("warning", "The console took too long to respond. Reload the page to see whether it worked."));
  document.addEventListener("htmx:responseError", (event) => {
    const { xhr } = event.detail;
    if (xhr.getResponseHeader("HX-Trigger")) return;
    say("danger", MEANINGS[xhr.status] || `The console returned an error (${xhr.status}). Reload the page and try again.`);
  });
  // What was undone is offered once.
  document.addEventListener("htmx:afterRequest", ({ target }) => target.closest?.("[data-undo]")?.closest("[data-toast]").remove());
  document.addEventListener("click", (event) => event.target.closest("[data-toast-close]")?.closest("[data-toast]").remove());
  list()?.querySelectorAll("[data-toast]").forEach(expire);
})();
