/* Draws the prices of one symbol with lightweight-charts, with splits and dividends as marks. */
"use strict";

(() => {
  const THEMES = {
    light: { text: "#4b5563", grid: "#e5e7eb", up: "#15803d", down: "#b91c1c", volume: "#9ca3af66", split: "#7c3aed", dividend: "#1d4ed8", hand: "#b45309" },
    dark: { text: "#9ca3af", grid: "#1f2937", up: "#4ade80", down: "#f87171", volume: "#6b728066", split: "#c4b5fd", dividend: "#93c5fd", hand: "#fbbf24" },
  };
  const theme = () => THEMES[document.documentElement.classList.contains("dark") ? "dark" : "light"];

  function marks(data, colours) {
    const made = [
      ...data.splits.map(([time, text]) => ({ time, text, position: "aboveBar", shape: "arrowDown", color: colours.split })),
      ...data.dividends.map(([time]) => ({ time, text: "", position: "belowBar", shape: "circle", color: colours.dividend, size: 0.6 })),
      ...data.by_hand.map((time) => ({ time, text: "by hand", position: "aboveBar", shape: "square", color: colours.hand })),
    ];
    const first = data.time[0], last = data.time[data.time.length - 1];
    return made.filter((m) => m.time >= first && m.time <= last).sort((a, b) => (a.time < b.time ? -1 : 1));
  }

  function draw(box, data) {
    const { createChart, CandlestickSeries, HistogramSeries, createSeriesMarkers } = LightweightCharts;
    const chart = createChart(box, { autoSize: true, layout: { background: { color: "transparent" }, fontFamily: "inherit" } });
    const prices = chart.addSeries(CandlestickSeries, { borderVisible: false });
    const volumes = chart.addSeries(HistogramSeries, { priceScaleId: "", priceFormat: { type: "volume" }, lastValueVisible: false, priceLineVisible: false });
    volumes.priceScale().applyOptions({ scaleMargins: { top: 0.82, bottom: 0 } });
    prices.setData(data.time.map((time, n) => ({ time, open: data.open[n], high: data.high[n], low: data.low[n], close: data.close[n] })));
    volumes.setData(data.time.map((time, n) => ({ time, value: data.volume[n] })));
    const marked = createSeriesMarkers(prices, []);

    function colour() {
      const c = theme();
      chart.applyOptions({
        layout: { textColor: c.text },
        grid: { vertLines: { color: c.grid }, horzLines: { color: c.grid } },
        timeScale: { borderColor: c.grid },
        rightPriceScale: { borderColor: c.grid },
      });
      prices.applyOptions({ upColor: c.up, downColor: c.down, wickUpColor: c.up, wickDownColor: c.down });
      volumes.applyOptions({ color: c.volume });
      marked.setMarkers(marks(data, c));
    }

    colour();
    new MutationObserver(colour).observe(document.documentElement, { attributeFilter: ["class"] });
    // The width of the chart is known only after the first layout.
    requestAnimationFrame(() => requestAnimationFrame(() => {
      const shown = Math.min(data.time.length, 500);
      chart.timeScale().setVisibleLogicalRange({ from: data.time.length - shown, to: data.time.length + 3 });
      box.dataset.drawn = String(data.time.length);
    }));
  }

  async function load(box) {
    const words = box.querySelector(".pc-chart-words");
    try {
      const response = await fetch(box.dataset.chart, { headers: { Accept: "application/json" } });
      const data = await response.json();
      if (!response.ok) throw new Error(data.error);
      words.remove();
      draw(box, data);
    } catch (error) {
      words.textContent = `The chart cannot be drawn: ${error.message || "the server does not respond"}`;
    }
  }

  document.querySelectorAll("[data-chart]").forEach(load);
})();
