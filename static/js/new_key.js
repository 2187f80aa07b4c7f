// The page that shows a new secret: tells the server that it arrived, and forgets the secret when it is left.
(() => {
  const form = document.querySelector("[data-seen]");
  const field = document.getElementById("new-secret");
  if (!form || !field) return;

  // Keepalive, because a reader who copies at once and leaves has seen it as well.
  fetch(form.action, { method: "POST", body: new FormData(form), keepalive: true }).catch(() => {});

  // Reload and the back button lead to the key's own page instead of sending the form again.
  history.replaceState(null, "", form.dataset.seen);

  // A page in the back-forward cache would show the secret again, so it is taken out on the way there.
  addEventListener("pagehide", () => {
    field.value = "";
    field.removeAttribute("value");
    field.removeAttribute("data-guard");
    for (const leftover of document.querySelectorAll("noscript")) leftover.remove();
  });
  addEventListener("pageshow", (event) => event.persisted && location.reload());
})();
