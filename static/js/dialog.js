// Opens and closes native dialogs, and closes fold-out menus when attention moves elsewhere.
(() => {
  function open(dialog) {
    if (dialog && !dialog.open) dialog.showModal();
  }

  function close(dialog) {
    // The guard may object (see guard.js), exactly as it may to the Escape key.
    const agreed = dialog.dispatchEvent(new Event("cancel", { cancelable: true }));
    if (agreed) dialog.close();
  }

  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-dialog-open]");
    if (opener) {
      event.preventDefault();
      open(document.getElementById(opener.dataset.dialogOpen));
      return;
    }
    const closer = event.target.closest("[data-dialog-close]");
    if (closer) {
      event.preventDefault();
      close(closer.closest("dialog"));
    } else if (event.target.matches("dialog[open]") && !event.target.querySelector("[data-guard]")) {
      close(event.target);
    }
  });

  // A dialog that arrives as a fragment opens itself, and leaves nothing behind when it closes.
  document.addEventListener("htmx:load", (event) => {
    const arrived = event.target.matches("dialog[data-dialog-auto]") ? event.target : event.target.querySelector("dialog[data-dialog-auto]");
    if (!arrived) return;
    arrived.opener = document.activeElement; // where the focus belongs after acting in it
    open(arrived);
    arrived.addEventListener("close", () => arrived.remove(), { once: true });
  });

  const menus = () => document.querySelectorAll("details[data-menu][open]");
  document.addEventListener("click", (event) => menus().forEach((menu) => menu.contains(event.target) || (menu.open = false)));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of menus()) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });
})();
