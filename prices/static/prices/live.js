// Renews the parts of a page while it is looked at: fetches the same parts from the server and
// puts in what differs. Knows nothing of what they say.
"use strict";

(() => {
  const page = document.querySelector("[data-live]");
  if (!page) return;
  const every = Number(page.dataset.liveSeconds) * 1000;
  const note = page.querySelector("[data-live-note]");
  let unreachableSince = null;
  let timer = null;
  let pressing = false;

  // A button that is being pressed, or a text that is being marked, must not vanish under the hand.
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

  const put = (old, fresh) => {
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

  const say = (words) => {
    if (note && note.textContent !== words) note.textContent = words;
    page.classList.toggle("pc-outdated", words !== "");
  };

  const look = async () => {
    let answer;
    try {
      answer = await fetch(page.dataset.live, { signal: AbortSignal.timeout(20_000) });
    } catch {
      unreachableSince ??= new Date();
      const at = unreachableSince.toLocaleTimeString();
      say(`The server is not reachable since ${at}: this is how things stood before.`);
      return;
    }
    if (answer.redirected || answer.status === 403) {
      say("You are signed out, or may not see this any more: load the page again.");
      return;
    }
    if (!answer.ok) {
      say(`The server answers with an error (${answer.status}): this is how things stood before.`);
      return;
    }
    const told = new DOMParser().parseFromString(await answer.text(), "text/html");
    unreachableSince = null;
    say("");
    if (isBusy()) return;
    for (const old of page.querySelectorAll("[data-part]")) {
      const fresh = told.querySelector(`[data-part="${old.dataset.part}"]`);
      if (fresh) put(old, fresh);
    }
    page.dataset.liveLooks = String(Number(page.dataset.liveLooks || 0) + 1);
  };

  const plan = (pause) => {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      if (document.hidden) return;
      await look();
      plan(every);
    }, pause);
  };

  document.addEventListener("visibilitychange", () => { if (!document.hidden) plan(0); });
  plan(every);
})();
