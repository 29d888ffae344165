// The transaction form: shows the fields of its kind, and suggests the stored close.
import { fetchJson } from "./charts.js";
import { price } from "./format.js";

const form = document.querySelector("[data-transaction]");
const suggestion = document.createElement("p");
suggestion.className = "help";
suggestion.setAttribute("role", "status");
let turn = 0;

/** Disables the fields that the stylesheet hides for this kind, so that they are not sent. */
function adapt() {
  form.dataset.kind = form.kind.value;
  for (const field of form.querySelectorAll("[data-field]")) {
    form.elements[field.dataset.field].disabled = getComputedStyle(field).display === "none";
  }
}

async function suggest() {
  const mine = ++turn;
  const symbol = form.symbol.value.trim().toUpperCase();
  suggestion.replaceChildren();
  if (form.price.disabled || !symbol || !form.date.value) return;
  const query = new URLSearchParams({ symbol, date: form.date.value });
  const found = await fetchJson(`${form.dataset.transaction}?${query}`).catch(() => null);
  if (mine !== turn || !found) return; // a newer request was sent, or there is nothing to suggest
  if (found.problem) return void (suggestion.textContent = found.problem);
  const use = Object.assign(document.createElement("button"), { type: "button", textContent: "Use it" });
  use.addEventListener("click", () => {
    form.price.value = Number(found.close.toFixed(6));
    form.currency.value = found.currency;
    form.price.focus();
  });
  suggestion.append(`The close of ${found.date} was ${price(found.close, found.currency)}. `, use);
}

form.querySelector("[data-field='price']").append(suggestion);
form.kind.addEventListener("change", () => { adapt(); suggest(); });
for (const name of ["symbol", "date"]) form.elements[name].addEventListener("change", suggest);
adapt();
suggest();
