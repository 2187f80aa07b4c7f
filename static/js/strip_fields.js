// Whatever is entered into a form marked data-strip leaves the browser without its secrets; what is left is what is shown.
(() => {
  const form = document.querySelector("[data-strip]");
  if (!form) return;
  const note = form.querySelector("[data-strip-note]");
  const keys = JSON.parse(document.getElementById("strip-keys").textContent);

  function clean() {
    for (const field of form.querySelectorAll("input[type=text], textarea")) {
      const text = stripSecrets(field.value, keys);
      if (text === field.value) continue;
      field.value = text;
      note.textContent = "A secret was taken out before anything was sent. Only its length and how it begins are left.";
    }
  }

  for (const event of ["paste", "drop"]) form.addEventListener(event, () => setTimeout(clean));
  form.addEventListener("change", clean);
  // Ahead of htmx, which reads the fields when the button is pressed.
  for (const event of ["click", "submit"]) form.addEventListener(event, clean, true);
})();
