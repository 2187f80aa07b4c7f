// Copies, also on plain HTTP where navigator.clipboard does not exist, and says "Copied" only when it is true.
(() => {
  const source = (button) => button.dataset.copy && document.querySelector(button.dataset.copy);

  function wanted(button) {
    const field = source(button);
    const text = field ? (field.value ?? field.textContent).trim() : button.dataset.copyText;
    return (button.dataset.copyFormat || "{}").replaceAll("{}", () => text);
  }

  function say(button, words, state) {
    const label = button.querySelector("[data-label]");
    if (!label) return; // nowhere to say it
    button.dataset.was ??= label.textContent;
    label.textContent = words;
    button.dataset.said = state;
    clearTimeout(button.forget);
    const forget = () => (delete button.dataset.said, (label.textContent = button.dataset.was));
    button.forget = setTimeout(forget, state === "copied" ? 3000 : 15000);
  }

  function succeed(button) {
    say(button, "Copied", "copied");
    button.dispatchEvent(new CustomEvent("copied", { bubbles: true, detail: { field: source(button) } }));
  }

  // The scratch field sits beside the button, because inside a modal dialog nothing outside it can be selected.
  function copyBySelection(button, value) {
    const field = Object.assign(document.createElement("textarea"), { value, className: "scratch", readOnly: true });
    button.after(field);
    field.select();
    field.addEventListener("copy", () => succeed(button));
    field.addEventListener("blur", () => field.remove());
    if (document.execCommand("copy")) button.focus();
    else say(button, "Press Ctrl+C to copy", "by-hand");
  }

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy], [data-copy-text]");
    if (!button) return;
    try {
      await navigator.clipboard.writeText(wanted(button));
      succeed(button);
    } catch { // no clipboard on plain HTTP, or the browser refused
      copyBySelection(button, wanted(button));
    }
  });
})();
