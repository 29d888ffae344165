/* Follows a queued run: asks its address every two seconds until it is over. */
"use strict";

(() => {
  const PAUSE = 2000;

  function follow(box) {
    const bar = box.querySelector("progress");
    const words = box.querySelector(".pc-run-words");
    const over = box.querySelector(".pc-run-over");

    async function look() {
      if (document.hidden) return again();
      let told;
      try {
        const answer = await fetch(box.dataset.progress, { headers: { Accept: "application/json" } });
        told = await answer.json();
      } catch {
        words.textContent = "The server does not answer at present; it is asked again.";
        return again();
      }
      if (words.textContent !== told.words) words.textContent = told.words;
      if (told.total) {
        bar.max = told.total;
        bar.value = told.done;
      }
      if (told.open) return again();
      if (!bar.hasAttribute("value")) bar.value = bar.max;
      over.hidden = false;
    }

    function again() {
      setTimeout(look, PAUSE);
    }

    look();
  }

  document.querySelectorAll("[data-progress]").forEach(follow);
})();
