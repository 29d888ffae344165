// Updates the parts of a page while it is visible: fetches the same parts from the server and
// replaces those that differ. It does not depend on their content.
"use strict";

(() => {
  const page = document.querySelector("[data-live]");
  if (!page) return;
  const every = Number(page.dataset.liveSeconds) * 1000;
  const note = page.querySelector("[data-live-note]");
  let unreachableSince = null;
  let timer = null;
  let pressing = false;

  // A button that is being pressed, or text that is being selected, must not be replaced.
  document.addEventListener("pointerdown", () => { pressing = true; });
  for (const end of ["pointerup", "pointercancel"]) {
    document.addEventListener(end, () => { setTimeout(() => { pressing = false; }, 300); });
  }

  const isBusy = () => {
    const marked = document.getSelection();
    return pressing || (marked && !marked.isCollapsed && page.contains(marked.anchorNode));
  };

  const keyOf = (element) =>
    ["id", "href", "formaction", "value"].map((name) => element.getAttribute(name) || "").join(" ")
    + element.tagName;

  const replace = (old, fresh) => {
    if (old.innerHTML === fresh.innerHTML) return;
    const focused = old.contains(document.activeElement) ? keyOf(document.activeElement) : null;
    const open = [...old.querySelectorAll("details[open]")].map((details) => details.id);
    for (const id of open) {
      const details = id && fresh.querySelector(`#${CSS.escape(id)}`);
      if (details) details.open = true;
    }
    old.replaceChildren(...fresh.childNodes);
    if (focused === null) return;
    const again = [...old.querySelectorAll("a, button, summary, [tabindex]")];
    const place = again.find((element) => keyOf(element) === focused);
    if (place) place.focus({ preventScroll: true });
  };

  const showNote = (words) => {
    if (note && note.textContent !== words) note.textContent = words;
    page.classList.toggle("pc-outdated", words !== "");
  };

  const refresh = async () => {
    let response;
    try {
      response = await fetch(page.dataset.live, { signal: AbortSignal.timeout(20_000) });
    } catch {
      unreachableSince ??= new Date();
      const at = unreachableSince.toLocaleTimeString();
      showNote(`The server has not been reachable since ${at}. This page shows the last known state.`);
      return;
    }
    if (response.redirected || response.status === 403) {
      showNote("You are signed out or no longer have access. Reload the page.");
      return;
    }
    if (!response.ok) {
      showNote(`The server returned an error (${response.status}). This page shows the last known state.`);
      return;
    }
    const update = new DOMParser().parseFromString(await response.text(), "text/html");
    unreachableSince = null;
    showNote("");
    if (isBusy()) return;
    for (const old of page.querySelectorAll("[data-part]")) {
      const fresh = update.querySelector(`[data-part="${old.dataset.part}"]`);
      if (fresh) replace(old, fresh);
    }
    page.dataset.liveLooks = String(Number(page.dataset.liveLooks || 0) + 1);
  };

  const schedule = (pause) => {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      if (document.hidden) return;
      await refresh();
      schedule(every);
    }, pause);
  };

  document.addEventListener("visibilitychange", () => { if (!document.hidden) schedule(0); });
  schedule(every);
})();
