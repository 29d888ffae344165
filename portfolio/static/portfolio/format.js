// Formats numbers and money exactly as the server does in template_tags.py.
const MINUS = "−";
const cache = new Map();

function formatter(key, options) {
  if (!cache.has(key)) cache.set(key, new Intl.NumberFormat("en-US", options));
  return cache.get(key);
}

// A number that rounds to 0 has no minus sign.
const unsigned = (text) => text.replace(/^-/, /[1-9]/.test(text) ? MINUS : "");

function currencyFormatter(currency) {
  try {
    return formatter(currency, { style: "currency", currency });
  } catch {
    return null; // not a currency: the code is written after the number
  }
}

/** Formats an amount with its currency: $1,234.50, −€3.00, 512.30 GBp. */
export function money(value, currency) {
  if (value === null || value === undefined) return "–";
  const isMajor = /^[A-Z]{3}$/.test(currency);
  const format = isMajor ? currencyFormatter(currency) : null;
  const amount = Number(value);
  if (format) return unsigned(format.format(amount));
  const plain = formatter("plain", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  return unsigned(`${plain.format(amount)}\u00a0${currency}`.trim());
}

/** Formats a price: like money, but with four decimals below 1. */
export function price(value, currency) {
  if (value === null || value === undefined) return "–";
  if (Math.abs(value) >= 1 || !/^[A-Z]{3}$/.test(currency)) return money(value, currency);
  const four = { style: "currency", currency, minimumFractionDigits: 4 };
  return unsigned(formatter(`${currency}4`, four).format(Number(value)));
}

const withSign = (text, value) => (Number(value) > 0 ? `+${text}` : text);

export const signedMoney = (value, currency) => withSign(money(value, currency), value);

/** Formats a ratio as a percentage: 0.05 is 5.00 %. */
export function percent(value) {
  if (value === null || value === undefined) return "–";
  const two = formatter("plain", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  return unsigned(`${two.format(100 * value)}\u00a0%`);
}

export const signedPercent = (value) => withSign(percent(value), value);

/** Returns the class that colours a number by its sign. */
export const tone = (value) => (Number(value) > 0 ? "up" : Number(value) < 0 ? "down" : "");

/** Shows a text, coloured by the sign of its value. */
export function show(element, text, value) {
  element.textContent = text;
  element.classList.remove("up", "down");
  if (tone(value)) element.classList.add(tone(value));
}

export const whole = (value) => formatter("whole", { maximumFractionDigits: 0 }).format(value);
