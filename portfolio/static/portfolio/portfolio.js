// The value chart: ranges, what was invested, and a benchmark beside it.
import { asked, chartIn, charts, choose, fit, walkable } from "./charts.js";
import { money, percent, show, signedMoney, signedPercent } from "./format.js";

const page = document.querySelector("[data-portfolio]");
const { portfolio, currency } = page.dataset;
const box = page.querySelector("[data-chart]");
const note = page.querySelector("[data-chart-note]");
const legend = page.querySelector("[data-legend]");
const form = page.querySelector("[data-benchmark]");
const ranges = page.querySelector("[data-choice='range']");
const state = { range: "1y", benchmark: form.benchmark.value, asked: 0, points: new Map() };

const axis = new Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 4 });
const quiet = { lastValueVisible: false, priceLineVisible: false, crosshairMarkerVisible: false };
let value, invested, benchmark;
const { chart, paint } = chartIn(
  box,
  { localization: { priceFormatter: (number) => axis.format(number) }, rightPriceScale: { scaleMargins: { top: 0.08, bottom: 0.06 } } },
  (colours) => {
    value.applyOptions({ lineColor: colours.accent, topColor: colours.faded(colours.accent, 0.22), bottomColor: colours.faded(colours.accent, 0) });
    invested.applyOptions({ color: colours.invested });
    benchmark.applyOptions({ color: colours.benchmark });
  },
);
invested = chart.addSeries(charts.LineSeries, { ...quiet, lineWidth: 1.5, lineType: charts.LineType.WithSteps, lineStyle: charts.LineStyle.Dashed });
benchmark = chart.addSeries(charts.LineSeries, { ...quiet, lineWidth: 1.5 });
value = chart.addSeries(charts.AreaSeries, { lineWidth: 2, priceLineVisible: false });

function draw({ points, benchmark_series: compared }) {
  const line = (name) => points.map((point) => ({ time: point.date, value: point[name] }));
  state.points = new Map(points.map((point) => [point.date, point]));
  value.setData(line("value"));
  invested.setData(line("invested"));
  benchmark.setData((compared?.data ?? []).map((point) => ({ time: point.date, value: point.value })));
  state.compared = compared?.data.length ? compared : null;
  state.against = new Map((compared?.data ?? []).map((point) => [point.date, point.value]));
  paint();
  fit(chart);
  note.hidden = points.length > 1 && !compared?.problem;
  note.textContent = compared?.problem ?? "There are too few days in this range for a line; choose a longer one.";
  describe(points.at(-1));
  if (points.length) label(points[0], points.at(-1));
}

function label(first, last) {
  const text = `Value from ${first.date} to ${last.date}: from ${money(first.value, currency)} to ${money(last.value, currency)}`;
  const beside = state.compared ? `; ${state.compared.symbol} ${signedPercent(state.compared.twr)}` : "";
  box.setAttribute("aria-label", `${text}${beside}.`);
}

function describe(point) {
  if (!point) return legend.replaceChildren("\u00a0");
  const parts = [["", "", point.date], ["worth", "Value", money(point.value, currency)], ["invested", "Invested", money(point.invested, currency)]];
  const beside = state.against.get(point.date);
  if (beside !== undefined) parts.push(["benchmark-key", state.compared.symbol, money(beside, currency)]);
  legend.replaceChildren(...parts.map(([key, name, text]) => {
    const part = document.createElement("span");
    part.className = key;
    if (key) part.append(document.createElement("i"));
    part.append(name ? `${name} ` : "", Object.assign(document.createElement("b"), { textContent: text }));
    return part;
  }));
}

function tell(body) {
  const of = (name) => page.querySelector(`[data-period] [data-of='${name}']`);
  show(of("profit"), signedMoney(body.period.profit, currency), body.period.profit);
  show(of("twr"), signedPercent(body.period.twr), body.period.twr);
  show(of("mwr"), signedPercent(body.period.mwr), body.period.mwr);
  of("max_drawdown").textContent = percent(body.period.max_drawdown);
  const compared = body.benchmark_series;
  show(of("benchmark"), signedPercent(compared?.twr), compared?.twr ?? 0);
  page.querySelector("[data-benchmark-name]").textContent = compared?.symbol || "Benchmark";
}

async function load() {
  const turn = ++state.asked;
  const query = new URLSearchParams({ range: state.range, benchmark: state.benchmark, page_size: 1 });
  box.setAttribute("aria-busy", "true");
  try {
    const body = await asked(`/portfolio/${portfolio}/complete?${query}`);
    if (turn !== state.asked) return; // something else was chosen meanwhile
    draw({ points: body.history.data, benchmark_series: body.benchmark_series });
    tell(body);
  } catch (error) {
    if (turn !== state.asked) return;
    note.hidden = false;
    note.textContent = `This range could not be read: ${error.message}`;
  }
  box.removeAttribute("aria-busy");
}

chart.subscribeCrosshairMove(({ time }) => describe(state.points.get(time) ?? [...state.points.values()].at(-1)));
walkable(ranges);
ranges.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  choose(ranges, button);
  state.range = button.value;
  load();
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  state.benchmark = form.benchmark.value.trim().toUpperCase();
  load();
});

draw(JSON.parse(document.getElementById("chart-data").textContent));
