// Keeps <time data-relative> and <time data-age> true, and tells the server the viewer's time zone.
(() => {
  const MINUTE = 60, HOUR = 3600, DAY = 86400;
  // The same steps as STEPS in core/templatetags/console.py.
  const STEPS = [
    [730 * DAY, 365 * DAY, "year"], [60 * DAY, 30 * DAY, "month"], [2 * DAY, DAY, "day"],
    [HOUR, HOUR, "hour"], [MINUTE, MINUTE, "minute"],
  ];

  function relative(seconds) {
    const distance = Math.abs(seconds);
    const step = STEPS.find(([least]) => distance >= least);
    if (!step) return seconds >= 0 ? "just now" : "in a moment";
    const count = Math.floor(distance / step[1]);
    const words = `${count} ${step[2]}${count === 1 ? "" : "s"}`;
    return seconds > 0 ? `${words} ago` : `in ${words}`;
  }

  function span(seconds) {
    if (seconds < MINUTE) return `${Math.floor(seconds)} s`;
    if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} min`;
    if (seconds < 2 * DAY) return `${Math.floor(seconds / HOUR)} h`;
    return `${Math.floor(seconds / DAY)} d`;
  }

  function update(selector, words) {
    for (const element of document.querySelectorAll(selector)) {
      const seconds = (Date.now() - Date.parse(element.dateTime)) / 1000;
      const text = words(seconds);
      if (element.textContent !== text) element.textContent = text;
    }
  }

  setInterval(() => update("time[data-relative]", relative), 30000);
  // Status lines count seconds; "next in 20 s" disappears rather than go on promising what has passed.
  setInterval(() => {
    update("time[data-age]", (seconds) => span(Math.max(0, seconds)));
    update("time[data-until]", (seconds) => (seconds < 0 ? span(-seconds) : "a moment"));
  }, 1000);

  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const secure = location.protocol === "https:" ? "; secure" : "";
  const isKnown = () => document.cookie.split("; ").includes(`tz=${zone}`);
  const wasKnown = isKnown();
  if (zone) document.cookie = `tz=${zone}; path=/; max-age=31536000; samesite=lax${secure}`;
  // The page came in another zone than the parts that it is going to load would.
  if (!wasKnown && isKnown() && "followsZone" in document.body.dataset) location.reload();
})();
