// Updates prices and values while the page is visible.
import { fetchJson } from "./charts.js";
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
  void element.offsetWidth; // restarts the animation
  element.classList.add(rose ? "rose" : "fell");
}

/** Shows a value if it changed, and highlights a number that rose or fell. */
function update(element, text, value, { toned = false } = {}) {
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

function showBody(body) {
  const field = (name) => page.querySelector(`.summary [data-live='${name}']`);
  update(field("value"), money(body.value, currency), body.value);
  update(field("as_of"), body.as_of ?? "", body.as_of);
  for (const name of ["profit", "day_change", "unrealised", "realised", "dividends", "fx"]) {
    update(field(name), signedMoney(body[name], currency), body[name], TONED);
  }
  update(field("profit_percent"), signedPercent(body.profit_percent), body.profit_percent, TONED);
  update(field("day_change_percent"), body.day_change_percent === null ? "" : `(${signedPercent(body.day_change_percent)})`, body.day_change_percent, TONED);
  for (const holding of body.holdings) updateRow(holding);
}

function updateRow(holding) {
  const found = page.querySelector(`tr[data-symbol="${CSS.escape(holding.symbol)}"]`);
  if (!found) return;
  if (found.dataset.status === "loading" && holding.status === "priced") location.reload();
  const all = (name, ...args) => found.querySelectorAll(`[data-live='${name}']`).forEach((one) => update(one, ...args));
  all("price", price(holding.price, found.dataset.currency), holding.price);
  all("value", money(holding.value, currency), holding.value);
  all("weight", percent(holding.weight), holding.weight);
  all("profit", signedMoney(holding.profit, currency), holding.profit, TONED);
  for (const one of found.querySelectorAll("[data-live='profit_percent']")) one.textContent = signedPercent(holding.profit_percent);
  all("day_change_percent", signedPercent(holding.day_change_percent), holding.day_change_percent, TONED);
}

async function poll() {
  clearTimeout(timer);
  if (document.hidden) return;
  try {
    showBody(await fetchJson(`/portfolio/${portfolio}/live`));
    failedSince = null;
    note.textContent = "";
  } catch {
    failedSince ??= new Date().toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
    note.textContent = `, not updated since ${failedSince}`;
  }
  timer = setTimeout(poll, loading().length ? PAUSE / 3 : PAUSE);
}

document.addEventListener("visibilitychange", poll);
timer = setTimeout(poll, PAUSE / 3);
