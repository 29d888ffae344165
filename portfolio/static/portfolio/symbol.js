// The chart of a symbol: bars, volume, splits and dividends, in the chosen range and adjustment.
import { fetchJson, chartIn, charts, choices, fit } from "./charts.js";
import { price, whole } from "./format.js";

const page = document.querySelector("[data-symbol]");
const { symbol, last } = page.dataset;
const box = page.querySelector("[data-chart]");
const note = page.querySelector("[data-chart-note]");
const legend = page.querySelector("[data-legend]");
const DAYS = { "1m": 31, "3m": 92, "1y": 365, "5y": 1826 };
const state = { range: "1y", adjust: "splits", requests: 0, bars: [], actions: { splits: [], dividends: [] } };

let series, volume, marks;
const { chart, paint } = chartIn(box, { rightPriceScale: { scaleMargins: { top: 0.12, bottom: 0.06 } } }, colours);
series = chart.addSeries(charts.CandlestickSeries, { borderVisible: false, priceLineVisible: false });
volume = chart.addSeries(charts.HistogramSeries, { priceFormat: { type: "volume" }, lastValueVisible: false, priceLineVisible: false }, 1);
marks = charts.createSeriesMarkers(series, []);
chart.panes()[1].setStretchFactor(0.22);
chart.panes()[0].setStretchFactor(1);

function colours({ up, down, faded }) {
  series.applyOptions({ upColor: up, downColor: down, wickUpColor: up, wickDownColor: down });
  volume.setData(state.bars.map((bar) => ({
    time: bar.date, value: bar.volume, color: faded(bar.close < bar.open ? down : up, 0.45),
  })));
  marks.setMarkers(markers());
}

function markers() {
  const days = state.bars.map((bar) => bar.date);
  const shown = (event) => days.length && event.date >= days[0] && event.date <= days.at(-1);
  const probe = getComputedStyle(document.body).color;
  const splits = state.actions.splits.filter(shown).map((split) => ({
    time: split.date, position: "aboveBar", shape: "square", color: probe, text: `${split.numerator}:${split.denominator}`,
  }));
  // The amounts of many dividends would overlap.
  const paid = state.actions.dividends.filter(shown);
  const dividends = paid.map((dividend) => ({
    time: dividend.date, position: "belowBar", shape: "circle", color: probe, size: 0.6,
    text: paid.length <= 6 ? `D ${price(dividend.amount, state.currency)}` : paid.length <= 24 ? "D" : "",
  }));
  return [...splits, ...dividends].sort((one, other) => (one.time < other.time ? -1 : 1));
}

function query() {
  if (state.range === "max") return "";
  if (state.range === "ytd") return `&start=${last.slice(0, 4)}-01-01`;
  return `&days=${DAYS[state.range]}`;
}

async function load() {
  const turn = ++state.requests;
  box.setAttribute("aria-busy", "true");
  try {
    const path = encodeURIComponent(symbol);
    const history = await fetchJson(`/cache/historical/${path}?adjust=${state.adjust}${query()}`);
    if (turn !== state.requests) return; // another range was chosen in the meantime
    state.bars = history.data;
    state.currency = history.currency;
    series.setData(history.data.map(({ date, ...bar }) => ({ time: date, ...bar })));
    paint();
    fit(chart);
    describeRange();
    note.hidden = state.bars.length > 0;
    note.textContent = "There are no bars in this range. Choose a longer one.";
  } catch (error) {
    if (turn !== state.requests) return;
    note.hidden = false;
    note.textContent = `The prices could not be loaded: ${error.message} Reload the page to try again.`;
  }
  box.removeAttribute("aria-busy");
}

/** Describes the bars for screen readers and in the legend. */
function describeRange() {
  const [first, end] = [state.bars[0], state.bars.at(-1)];
  if (!first) return;
  const low = Math.min(...state.bars.map((bar) => bar.low));
  const high = Math.max(...state.bars.map((bar) => bar.high));
  const format = (value) => price(value, state.currency);
  box.setAttribute("aria-label", `${symbol} from ${first.date} to ${end.date}: from ${format(first.close)} to ${format(end.close)}, between ${format(low)} and ${format(high)}.`);
  describe(end);
}

function describe(bar) {
  const format = (value) => price(value, state.currency);
  const parts = [["", bar.date], ["Open", format(bar.open)], ["High", format(bar.high)], ["Low", format(bar.low)], ["Close", format(bar.close)], ["Volume", whole(bar.volume)]];
  legend.replaceChildren(...parts.map(([name, value]) => {
    const part = document.createElement("span");
    part.append(name ? `${name} ` : "", Object.assign(document.createElement("b"), { textContent: value }));
    return part;
  }));
}

chart.subscribeCrosshairMove(({ time }) => {
  const bar = time ? state.bars.find((one) => one.date === time) : state.bars.at(-1);
  if (bar) describe(bar);
});

choices(page, (name, value) => {
  state[name] = value;
  load();
});

fetchJson(`/cache/actions/${encodeURIComponent(symbol)}`).then((found) => {
  state.actions = found;
  paint();
}, () => {});
load();
