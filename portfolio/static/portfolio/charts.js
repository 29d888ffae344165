// Shared by all charts: colours of both themes, size, requests, and groups of buttons.
const charts = window.LightweightCharts;

/** Returns a colour of the stylesheet in the current theme. */
function colour(name) {
  const probe = document.createElement("i");
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

/** Returns the colour with transparency: rgb(1, 2, 3) → rgba(1, 2, 3, 0.2). */
const faded = (rgb, alpha) => rgb.replace(/^rgb\((.*)\)$/, `rgba($1, ${alpha})`);

export const palette = () => {
  const names = ["ink", "quiet", "line", "card", "accent", "up", "down", "invested", "benchmark"];
  const found = Object.fromEntries(names.map((name) => [name, colour(name)]));
  return { ...found, faded };
};

// The price axis gets wider or narrower with its labels, after a range is fitted into the chart. Unless
// the range is locked, the bars keep their distance then, and the last ones leave the chart.
const FITTED = { fixLeftEdge: true, fixRightEdge: true, lockVisibleTimeRangeOnResize: true };

function theme({ quiet, line, card }) {
  return {
    layout: {
      background: { color: card },
      textColor: quiet,
      fontFamily: getComputedStyle(document.body).fontFamily,
      attributionLogo: true,
      panes: { separatorColor: line, enableResize: false },
    },
    grid: { vertLines: { visible: false }, horzLines: { color: line } },
    rightPriceScale: { borderVisible: false },
    timeScale: { borderColor: line, ...FITTED },
  };
}

/** Creates a chart that fills `box`; `repaint(palette)` colours its series, also when the theme changes. */
export function chartIn(box, options, repaint) {
  const chart = charts.createChart(box, {
    autoSize: true,
    handleScroll: { mouseWheel: false, vertTouchDrag: false },
    handleScale: { mouseWheel: false },
    crosshair: { mode: charts.CrosshairMode.Magnet },
    ...options,
  });
  const paint = () => {
    const colours = palette();
    chart.applyOptions(theme(colours));
    repaint?.(colours, chart);
  };
  document.addEventListener("themechange", paint);
  chart.applyOptions(theme(palette()));
  return { chart, paint };
}

/** Shows all points once the chart has its final size. */
export const fit = (chart) => requestAnimationFrame(() => chart.timeScale().fitContent());

/** Fetches a JSON body. Throws an error with the message of the server. */
export async function fetchJson(path) {
  const answer = await fetch(path, { headers: { Accept: "application/json" } });
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(body.detail || `The server answered ${answer.status}.`);
  return body;
}

/** Makes each group of buttons a choice of one; calls `onChoice(name, value)` for the pressed one. */
export function choices(page, onChoice) {
  for (const group of page.querySelectorAll("[data-choice]")) {
    enableArrowKeys(group);
    group.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      for (const one of group.children) one.setAttribute("aria-pressed", String(one === button));
      onChoice(group.dataset.choice, button.value);
    });
  }
}

/** Lets the arrow keys move between the buttons of a group. */
function enableArrowKeys(group) {
  group.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const at = [...group.children].indexOf(document.activeElement);
    if (!step || at < 0) return;
    event.preventDefault();
    group.children[(at + step + group.children.length) % group.children.length].focus();
  });
}

export { charts };
