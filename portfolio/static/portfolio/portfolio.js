// The chart of a portfolio: value and money invested, or the return, and a benchmark.
import { fetchJson, chartIn, charts, choices, fit } from "./charts.js";
import { money, percent, show, signedMoney, signedPercent } from "./format.js";

const page = document.querySelector("[data-portfolio]");
const { portfolio, currency } = page.dataset;
const box = page.querySelector("[data-chart]");
const note = page.querySelector("[data-chart-note]");
const legend = page.querySelector("[data-legend]");
const form = page.querySelector("[data-benchmark]");
const state = { range: "1y", view: "value", benchmark: form.benchmark.value, requests: 0, points: [], compared: null };
const isReturn = () => state.view === "twr";
const format = (number) => (isReturn() ? signedPercent(number) : money(number, currency));

const axis = new Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 4 });
const quiet = { lastValueVisible: false, priceLineVisible: false, crosshairMarkerVisible: false };
let value, invested, benchmark;
const { chart, paint } = chartIn(
  box,
  { localization: { priceFormatter: (number) => (isReturn() ? `${(100 * number).toFixed(1)} %` : axis.format(number)) }, rightPriceScale: { scaleMargins: { top: 0.08, bottom: 0.06 } } },
  (colours) => {
    value.applyOptions({ lineColor: colours.accent, topColor: colours.faded(colours.accent, 0.22), bottomColor: colours.faded(colours.accent, 0) });
    invested.applyOptions({ color: colours.invested });
    benchmark.applyOptions({ color: colours.benchmark });
  },
);
invested = chart.addSeries(charts.LineSeries, { ...quiet, lineWidth: 1.5, lineType: charts.LineType.WithSteps, lineStyle: charts.LineStyle.Dashed });
benchmark = chart.addSeries(charts.LineSeries, { ...quiet, lineWidth: 1.5 });
// Precise enough for the smallest step of a return.
const priceFormat = { type: "price", precision: 4, minMove: 0.0001 };
value = chart.addSeries(charts.AreaSeries, { lineWidth: 2, priceLineVisible: false, priceFormat });

function setData({ points, benchmark_series: compared }) {
  state.points = points;
  state.compared = compared?.data.length ? compared : null;
  note.hidden = points.length > 1 && !compared?.problem;
  note.textContent = compared?.problem ?? "This range has too few days for a line. Choose a longer one.";
  draw();
}

function draw() {
  const line = (rows, name) => rows.map((row) => ({ time: row.date, value: row[name] }));
  value.setData(line(state.points, state.view));
  invested.setData(isReturn() ? [] : line(state.points, "invested"));
  benchmark.setData(line(state.compared?.data ?? [], state.view));
  paint();
  fit(chart);
  const [first, last] = [state.points[0], state.points.at(-1)];
  describe(last);
  if (last) setLabel(first, last);
}

/** Describes the line for screen readers. */
function setLabel(first, last) {
  const text = isReturn() ? `Return from ${first.date} to ${last.date}: ${format(last.twr)}` : `Value from ${first.date} to ${last.date}: from ${format(first.value)} to ${format(last.value)}`;
  const beside = state.compared ? `; ${state.compared.symbol} ${signedPercent(state.compared.twr)}` : "";
  box.setAttribute("aria-label", `${text}${beside}.`);
}

function describe(point) {
  if (!point) return legend.replaceChildren("\u00a0");
  const parts = [["", "", point.date], ["worth", isReturn() ? "Return" : "Value", format(point[state.view])]];
  if (!isReturn()) parts.push(["invested", "Invested", format(point.invested)]);
  const beside = state.compared?.data.find((one) => one.date === point.date);
  if (beside) parts.push(["benchmark-key", state.compared.symbol, format(beside[state.view])]);
  legend.replaceChildren(...parts.map(([key, name, text]) => {
    const part = document.createElement("span");
    part.className = key;
    if (key) part.append(document.createElement("i"));
    part.append(name ? `${name} ` : "", Object.assign(document.createElement("b"), { textContent: text }));
    return part;
  }));
}

function showPeriod(body) {
  const field = (name) => page.querySelector(`[data-period] [data-of='${name}']`);
  show(field("profit"), signedMoney(body.period.profit, currency), body.period.profit);
  show(field("twr"), signedPercent(body.period.twr), body.period.twr);
  show(field("mwr"), signedPercent(body.period.mwr), body.period.mwr);
  field("max_drawdown").textContent = percent(body.period.max_drawdown);
  const compared = body.benchmark_series;
  show(field("benchmark"), signedPercent(compared?.twr), compared?.twr ?? 0);
  page.querySelector("[data-benchmark-name]").textContent = compared?.symbol || "Benchmark";
}

async function load() {
  const turn = ++state.requests;
  const query = new URLSearchParams({ range: state.range, benchmark: state.benchmark, page_size: 1 });
  box.setAttribute("aria-busy", "true");
  try {
    const body = await fetchJson(`/portfolio/${portfolio}/complete?${query}`);
    if (turn !== state.requests) return; // another range was chosen in the meantime
    setData({ points: body.history.data, benchmark_series: body.benchmark_series });
    showPeriod(body);
  } catch (error) {
    if (turn !== state.requests) return;
    note.hidden = false;
    note.textContent = `This range could not be loaded: ${error.message}`;
  }
  box.removeAttribute("aria-busy");
}

chart.subscribeCrosshairMove(({ time }) => describe(state.points.find((one) => one.date === time) ?? state.points.at(-1)));
choices(page, (name, value) => {
  state[name] = value;
  if (name === "range") load();
  else draw();
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  state.benchmark = form.benchmark.value.trim().toUpperCase();
  load();
});

setData(JSON.parse(document.getElementById("chart-data").textContent));

// Sorting and live prices are not needed before the page is shown.
addEventListener("load", async () => {
  await Promise.all([import("./holdings.js"), import("./live.js")]);
  page.dataset.ready = "";
});
