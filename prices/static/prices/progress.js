/* Follows a queued run: fetches its progress every two seconds until it has ended. */
"use strict";

(() => {
  const PAUSE = 2000;

  function follow(box) {
    const bar = box.querySelector("progress");
    const words = box.querySelector(".pc-run-words");
    const over = box.querySelector(".pc-run-over");

    async function refresh() {
      if (document.hidden) return again();
      let progress;
      try {
        const response = await fetch(box.dataset.progress, { headers: { Accept: "application/json" } });
        progress = await response.json();
      } catch {
        words.textContent = "The server does not respond at present. Trying again.";
        return again();
      }
      if (words.textContent !== progress.words) words.textContent = progress.words;
      if (progress.total) {
        bar.max = progress.total;
        bar.value = progress.done;
      }
      if (progress.open) return again();
      if (!bar.hasAttribute("value")) bar.value = bar.max;
      over.hidden = false;
    }

    function again() {
      setTimeout(refresh, PAUSE);
    }

    refresh();
  }

  document.querySelectorAll("[data-progress]").forEach(follow);
})();
