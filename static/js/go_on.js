// Sends what was held up until the person had confirmed who they are; without this script its button does.
addEventListener("DOMContentLoaded", () => document.querySelector("form[data-go-on]")?.requestSubmit());
