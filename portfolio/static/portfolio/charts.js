// What all charts share: their look in both themes, their size, and how they meet the frame.
const charts = window.LightweightCharts;

/** The value of a colour of the stylesheet in the theme of now. */
function colour(name) {
  const probe = document.createElement("i");
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

/** The same colour, let through: rgb(1, 2, 3) → rgba(1, 2, 3, 0.2). */
const faded = (rgb, alpha) => rgb.replace(/^rgb\((.*)\)$/, `rgba($1, ${alpha})`);

export const palette = () => {
  const names = ["ink", "quiet", "line", "card", "accent", "up", "down", "invested", "benchmark"];
  const found = Object.fromEntries(names.map((name) => [name, colour(name)]));
  return { ...found, faded };
};

function look({ quiet, line, card }) {
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
    timeScale: { borderColor: line, fixLeftEdge: true, fixRightEdge: true },
  };
}

/** A chart that fills `box`; `repaint(palette)` gives its series their colours, also later. */
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
    chart.applyOptions(look(colours));
    repaint?.(colours, chart);
  };
  document.addEventListener("themechange", paint);
  chart.applyOptions(look(palette()));
  return { chart, paint };
}

/** Shows all that there is, once the chart has its size: before, it would be squeezed. */
export const fit = (chart) => requestAnimationFrame(() => chart.timeScale().fitContent());

/** A JSON body, or an error whose message is the server's own sentence. */
export async function asked(path) {
  const answer = await fetch(path, { headers: { Accept: "application/json" } });
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(body.detail || `The server answered ${answer.status}.`);
  return body;
}

/** Groups of buttons of which one holds: `chosen(name, value)` hears which was pressed. */
export function choices(page, chosen) {
  for (const group of page.querySelectorAll("[data-choice]")) {
    walkable(group);
    group.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      for (const one of group.children) one.setAttribute("aria-pressed", String(one === button));
      chosen(group.dataset.choice, button.value);
    });
  }
}

/** Has the arrow keys go along a group of buttons. */
function walkable(group) {
  group.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const at = [...group.children].indexOf(document.activeElement);
    if (!step || at < 0) return;
    event.preventDefault();
    group.children[(at + step + group.children.length) % group.children.length].focus();
  });
}

export { charts };
