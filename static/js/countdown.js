// Counts a token's remaining life down: <span data-countdown="ISO time">… <span data-countdown-left></span></span>
(() => {
  function left(seconds) {
    if (seconds <= 0) return " (over)";
    const minutes = Math.floor(seconds / 60);
    return minutes >= 60 ? "" : ` (${minutes}:${String(Math.floor(seconds % 60)).padStart(2, "0")} left)`;
  }

  function tick() {
    for (const element of document.querySelectorAll("[data-countdown]")) {
      const seconds = (Date.parse(element.dataset.countdown) - Date.now()) / 1000;
      element.querySelector("[data-countdown-left]").textContent = left(seconds);
      element.classList.toggle("countdown--over", seconds <= 0);
    }
  }

  document.addEventListener("htmx:load", tick);
  setInterval(tick, 1000);
  tick();
})();
