// The transaction form: shows the fields that its kind has, and suggests the stored close.
import { asked } from "./charts.js";
import { price } from "./format.js";

const form = document.querySelector("[data-transaction]");
const FIELDS = {
  buy: ["symbol", "quantity", "price", "fees"],
  sell: ["symbol", "quantity", "price", "fees"],
  dividend: ["symbol", "amount", "fees"],
  fee: ["symbol", "amount"],
  deposit: ["amount", "fees"],
  withdrawal: ["amount", "fees"],
};
const ADAPTED = ["symbol", "quantity", "price", "amount", "fees"];
const DAY = 86_400_000;
const suggestion = document.createElement("p");
suggestion.className = "help";
suggestion.setAttribute("role", "status");
let turn = 0;

function adapt() {
  const shown = FIELDS[form.kind.value] ?? ADAPTED;
  for (const name of ADAPTED) {
    form.querySelector(`[data-field='${name}']`).hidden = !shown.includes(name);
    form.elements[name].disabled = !shown.includes(name); // and so is not sent
  }
}

/** The last stored close on or shortly before the date, as traded. */
async function close(symbol, date) {
  const start = new Date(Date.parse(date) - 7 * DAY).toISOString().slice(0, 10);
  const history = await asked(`/cache/historical/${encodeURIComponent(symbol)}?start=${start}&end=${date}&adjust=none`);
  return { currency: history.currency, bar: history.data.at(-1) };
}

async function suggest() {
  const mine = ++turn;
  const symbol = form.symbol.value.trim().toUpperCase();
  suggestion.replaceChildren();
  if (form.price.disabled || !symbol || !form.date.value) return;
  let found;
  try {
    found = await close(symbol, form.date.value);
  } catch {
    if (mine === turn) suggestion.textContent = `${symbol} is not tracked yet: once this is saved, its history is loaded.`;
    return;
  }
  if (mine !== turn) return;
  if (found.currency && !form.currency.value) form.currency.value = found.currency;
  if (!found.bar) return void (suggestion.textContent = "No price is stored for that date.");
  const use = Object.assign(document.createElement("button"), { type: "button", textContent: "Use it" });
  use.addEventListener("click", () => {
    form.price.value = Number(found.bar.close.toFixed(8));
    form.currency.value = found.currency;
    form.price.focus();
  });
  suggestion.append(`The close of ${found.bar.date} was ${price(found.bar.close, found.currency)}. `, use);
}

form.querySelector("[data-field='price']").append(suggestion);
form.kind.addEventListener("change", () => { adapt(); suggest(); });
for (const name of ["symbol", "date"]) form.elements[name].addEventListener("change", suggest);
adapt();
suggest();
