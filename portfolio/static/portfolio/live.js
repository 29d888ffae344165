// Prices that renew themselves while the page is looked at.
import { asked } from "./charts.js";
import { money, percent, price, show, signedMoney, signedPercent } from "./format.js";

const PAUSE = 15_000;
const page = document.querySelector("[data-portfolio]");
const { portfolio, currency } = page.dataset;
const note = page.querySelector("[data-live-note]");
const loading = () => page.querySelectorAll("tr[data-status='loading']");
const TONED = { toned: true };
let timer = 0;
let failedSince = null;

function flash(element, rose) {
  element.classList.remove("rose", "fell");
  void element.offsetWidth; // begins the highlight anew
  element.classList.add(rose ? "rose" : "fell");
}

/** Writes a value if it says something new; a number that moved is highlighted. */
function renew(element, text, value, { toned = false } = {}) {
  if (!element || element.textContent === text) return;
  const cell = element.closest("td") ?? element;
  const before = Number(cell.dataset.value);
  if (toned) show(element, text, value);
  else element.textContent = text;
  if ("value" in cell.dataset) {
    if (cell.dataset.value !== "" && value !== null && value !== before) flash(element, value > before);
    cell.dataset.value = value ?? "";
  }
}

function take(body) {
  const of = (name) => page.querySelector(`.summary [data-live='${name}']`);
  renew(of("value"), money(body.value, currency), body.value);
  renew(of("profit"), signedMoney(body.profit, currency), body.profit, TONED);
  renew(of("day_change"), signedMoney(body.day_change, currency), body.day_change, TONED);
  renew(of("day_change_percent"), body.day_change_percent === null ? "" : `(${signedPercent(body.day_change_percent)})`, body.day_change_percent, TONED);
  for (const holding of body.holdings) row(holding);
}

function row(holding) {
  const found = page.querySelector(`tr[data-symbol="${CSS.escape(holding.symbol)}"]`);
  if (!found) return;
  if (found.dataset.status === "loading" && holding.status === "priced") location.reload();
  const all = (name, ...said) => found.querySelectorAll(`[data-live='${name}']`).forEach((one) => renew(one, ...said));
  all("price", price(holding.price, found.dataset.currency), holding.price);
  all("value", money(holding.value, currency), holding.value);
  all("weight", percent(holding.weight), holding.weight);
  all("profit", signedMoney(holding.profit, currency), holding.profit, TONED);
  all("day_change_percent", signedPercent(holding.day_change_percent), holding.day_change_percent, TONED);
}

async function poll() {
  clearTimeout(timer);
  if (document.hidden) return;
  try {
    take(await asked(`/portfolio/${portfolio}/live`));
    failedSince = null;
    note.textContent = "";
  } catch {
    failedSince ??= new Date().toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
    note.textContent = `, not renewed since ${failedSince}`;
  }
  timer = setTimeout(poll, loading().length ? PAUSE / 3 : PAUSE);
}

document.addEventListener("visibilitychange", poll);
timer = setTimeout(poll, PAUSE / 3);
