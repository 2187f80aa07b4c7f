// A masked field: reveal and hide it, and save its value as a file.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-reveal]");
  if (!button) return;
  const field = document.querySelector(button.dataset.reveal);
  const shown = field.type === "password";
  field.type = shown ? "text" : "password";
  button.setAttribute("aria-pressed", String(shown));
  if (shown) field.select();
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-download]");
  if (!button) return;
  const field = document.querySelector(button.dataset.download);
  const text = (button.dataset.downloadFormat || "{}").replaceAll("{}", () => field.value ?? field.textContent);
  const url = URL.createObjectURL(new Blob([`${text}\n`], { type: "text/plain" }));
  const link = Object.assign(document.createElement("a"), { href: url, download: button.dataset.downloadName || "secret.txt" });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
  button.dispatchEvent(new CustomEvent("copied", { bubbles: true, detail: { field } }));
});
