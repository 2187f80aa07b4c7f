// The back button may show a page as it was left. If somebody has signed out or in since, it is loaded anew: the CSRF
// cookie is another one then, and each page holds it, masked.
(() => {
  const CHARS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  const token = JSON.parse(document.body.getAttribute("hx-headers") ?? "{}")["X-CSRFToken"] ?? "";
  const [mask, cipher] = [token.slice(0, token.length / 2), token.slice(token.length / 2)];
  const place = (text, index) => CHARS.indexOf(text[index]);
  const secret = [...mask].map((_, index) => CHARS.at(place(cipher, index) - place(mask, index))).join("");

  const cookie = () => document.cookie.match(/(?:^|; )(?:__Host-)?csrftoken=([^;]+)/)?.[1];
  const isRestored = () => performance.getEntriesByType("navigation")[0]?.type === "back_forward";

  addEventListener("pageshow", (event) => {
    if (!secret || cookie() === secret || !(event.persisted || isRestored())) return;
    document.documentElement.hidden = true; // until the answer is there
    location.reload();
  });
})();
