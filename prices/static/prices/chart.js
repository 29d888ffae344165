/* Draws the prices of one symbol with lightweight-charts: with splits and distributions as marks,
   or stored closes beside the provider's values. */
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
      ...[...data.dividends, ...data.gains].map(([time]) => ({ time, text: "", position: "belowBar", shape: "circle", color: colours.dividend, size: 0.6 })),
      ...data.by_hand.map((time) => ({ time, text: "by hand", position: "aboveBar", shape: "square", color: colours.hand })),
    ];
    const first = data.time[0], last = data.time[data.time.length - 1];
    return made.filter((m) => m.time >= first && m.time <= last).sort((a, b) => (a.time < b.time ? -1 : 1));
  }

  /* Adds candlesticks and volumes; returns the function that colours them. */
  function addPrices(chart, data) {
    const { CandlestickSeries, HistogramSeries, createSeriesMarkers } = LightweightCharts;
    const prices = chart.addSeries(CandlestickSeries, { borderVisible: false });
    const volumes = chart.addSeries(HistogramSeries, { priceScaleId: "", priceFormat: { type: "volume" }, lastValueVisible: false, priceLineVisible: false });
    volumes.priceScale().applyOptions({ scaleMargins: { top: 0.82, bottom: 0 } });
    prices.setData(data.time.map((time, n) => ({ time, open: data.open[n], high: data.high[n], low: data.low[n], close: data.close[n] })));
    volumes.setData(data.time.map((time, n) => ({ time, value: data.volume[n] })));
    const marked = createSeriesMarkers(prices, []);
    return (c) => {
      prices.applyOptions({ upColor: c.up, downColor: c.down, wickUpColor: c.up, wickDownColor: c.down });
      volumes.applyOptions({ color: c.volume });
      marked.setMarkers(marks(data, c));
    };
  }

  /* Adds the stored closes as a line and the provider's values as points; returns as `addPrices`. */
  function addComparison(chart, data) {
    const { LineSeries, PriceScaleMode, createSeriesMarkers } = LightweightCharts;
    const quiet = { lastValueVisible: false, priceLineVisible: false };
    const stored = chart.addSeries(LineSeries, { ...quiet, lineWidth: 2 });
    const provider = chart.addSeries(LineSeries, { ...quiet, lineVisible: false, pointMarkersVisible: true, pointMarkersRadius: 4 });
    stored.setData(data.time.map((time, n) => ({ time, value: data.close[n] })));
    provider.setData(data.provider.map(([time, value]) => ({ time, value })));
    const values = [...data.close, ...data.provider.map(([, value]) => value)];
    // Values in another unit would press the line flat.
    const far = Math.min(...values) > 0 && Math.max(...values) > 5 * Math.min(...values);
    stored.priceScale().applyOptions({ mode: far ? PriceScaleMode.Logarithmic : PriceScaleMode.Normal });
    const marked = createSeriesMarkers(stored, []);
    return (c) => {
      stored.applyOptions({ color: c.dividend });
      provider.applyOptions({ color: c.hand });
      marked.setMarkers(data.marks.map(([time, text]) => ({ time, text, position: "aboveBar", shape: "circle", color: c.hand })));
    };
  }

  function draw(box, data) {
    const chart = LightweightCharts.createChart(box, { autoSize: true, layout: { background: { color: "transparent" }, fontFamily: "inherit" } });
    const paint = (data.provider ? addComparison : addPrices)(chart, data);

    function colour() {
      const c = theme();
      chart.applyOptions({
        layout: { textColor: c.text },
        grid: { vertLines: { color: c.grid }, horzLines: { color: c.grid } },
        timeScale: { borderColor: c.grid },
        rightPriceScale: { borderColor: c.grid },
      });
      paint(c);
    }

    colour();
    new MutationObserver(colour).observe(document.documentElement, { attributeFilter: ["class"] });
    // The width of the chart is known only after the first layout.
    requestAnimationFrame(() => requestAnimationFrame(() => {
      const shown = Math.min(data.time.length, 500);
      if (data.provider) chart.timeScale().fitContent();
      else chart.timeScale().setVisibleLogicalRange({ from: data.time.length - shown, to: data.time.length + 3 });
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
