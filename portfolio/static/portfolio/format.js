// Numbers, money and dates in the words that the server's pages use too (see templatetags).
const MINUS = "−";
const cache = new Map();

function formatter(key, options) {
  if (!cache.has(key)) cache.set(key, new Intl.NumberFormat("en-US", options));
  return cache.get(key);
}

// No minus before what is rounded to nothing.
const unsigned = (text) => text.replace(/^-/, /[1-9]/.test(text) ? MINUS : "");

function currencyFormatter(currency) {
  try {
    return formatter(currency, { style: "currency", currency });
  } catch {
    return null; // no such currency: its name is written behind the number
  }
}

/** An amount with its currency: $1,234.50, −€3.00, 512.30 GBp. */
export function money(value, currency) {
  if (value === null || value === undefined) return "–";
  const isMajor = /^[A-Z]{3}$/.test(currency);
  const format = isMajor ? currencyFormatter(currency) : null;
  const amount = Number(value);
  if (format) return unsigned(format.format(amount));
  const plain = formatter("plain", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  return unsigned(`${plain.format(amount)}\u00a0${currency}`.trim());
}

/** A price: like money, with four digits below one. */
export function price(value, currency) {
  if (value === null || value === undefined) return "–";
  if (Math.abs(value) >= 1 || !/^[A-Z]{3}$/.test(currency)) return money(value, currency);
  const four = { style: "currency", currency, minimumFractionDigits: 4 };
  return unsigned(formatter(`${currency}4`, four).format(Number(value)));
}

const withSign = (text, value) => (Number(value) > 0 ? `+${text}` : text);

export const signedMoney = (value, currency) => withSign(money(value, currency), value);

/** A share as a percentage: 0.05 is 5.00 %. */
export function percent(value) {
  if (value === null || value === undefined) return "–";
  const two = formatter("plain", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  return unsigned(`${two.format(100 * value)}\u00a0%`);
}

export const signedPercent = (value) => withSign(percent(value), value);

/** The class that colours a number by its sign; the sign itself is always written. */
export const tone = (value) => (Number(value) > 0 ? "up" : Number(value) < 0 ? "down" : "");

/** Writes a text that is coloured by its value's sign. */
export function show(element, text, value) {
  element.textContent = text;
  element.classList.remove("up", "down");
  if (tone(value)) element.classList.add(tone(value));
}

export const whole = (value) => formatter("whole", { maximumFractionDigits: 0 }).format(value);
