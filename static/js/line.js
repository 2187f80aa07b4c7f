// A button with data-line selects that line of the text field that data-line-of names. And while a body is checked,
// no verdict on another one is shown.
(() => {
  function place(text, line) {
    let start = 0;
    for (let left = line - 1; left > 0; left -= 1) start = text.indexOf("\n", start) + 1 || start;
    const end = text.indexOf("\n", start);
    return [start, end < 0 ? text.length : end];
  }

  document.addEventListener("htmx:beforeRequest", ({ detail }) => detail.target.id === "verdict" && detail.target.replaceChildren());
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-line]");
    const field = button && document.querySelector(button.dataset.lineOf);
    if (!field) return;
    const line = Number(button.dataset.line);
    field.focus();
    field.setSelectionRange(...place(field.value, line));
    const height = parseFloat(getComputedStyle(field).lineHeight) || 20;
    field.scrollTop = Math.max(0, (line - 4) * height);
    field.scrollIntoView({ block: "nearest" });
  });
})();
