// A file that is too large is refused before it is sent: the server could only refuse the whole form, and what is in it.
document.addEventListener("submit", (event) => {
  for (const field of event.target.querySelectorAll("input[type=file][data-most-bytes]")) {
    const isTooLarge = [...field.files].some((file) => file.size > Number(field.dataset.mostBytes));
    field.setCustomValidity(isTooLarge ? field.dataset.tooLarge : "");
    if (!field.reportValidity()) event.preventDefault();
  }
}, true);
