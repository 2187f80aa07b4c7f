// The script that takes secrets out is larger than all else of its page, so it comes when somebody is about to enter
// something. Nothing is sent before: it marks the form as ready.
(() => {
  const form = document.querySelector("[data-stripped-by]");
  if (!form) return;
  let last;

  function load() {
    if (last) return;
    for (const url of form.dataset.strippedBy.trim().split(" ")) {
      last = document.createElement("script");
      last.async = false; // in this order
      last.src = url;
      document.head.append(last);
    }
    last.addEventListener("error", () => {
      last = undefined;
      form.querySelector("[data-note]").textContent =
        "Nothing was sent: what removes secrets could not be loaded. Try again.";
    });
  }

  function wait(event) {
    const button = event.submitter ?? event.target.closest("button");
    if (event.type === "click" && !button) return;
    load();
    if ("ready" in form.dataset) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    last.addEventListener("load", () => (button ? button.click() : form.requestSubmit()), { once: true });
  }

  for (const event of ["focusin", "pointerover", "drop"]) form.addEventListener(event, load);
  for (const event of ["click", "submit"]) form.addEventListener(event, wait, true);
  for (const each of form.querySelectorAll("[disabled]")) each.disabled = false;
})();
