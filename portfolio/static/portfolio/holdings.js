// Sorts the holdings by a column when its header is pressed.
const table = document.querySelector("table[data-sortable]");
const status = document.querySelector("[data-sorted]");

function compare(one, other, column) {
  const [left, right] = [one, other].map((row) => row.cells[column].dataset.value);
  // Unknown values come last in both directions.
  if (left === "" || right === "") return { unknown: (left === "") - (right === "") };
  const [a, b] = [Number(left), Number(right)];
  return { known: Number.isNaN(a) || Number.isNaN(b) ? left.localeCompare(right) : a - b };
}

function sort(header, direction) {
  const column = header.cellIndex;
  const sign = direction === "ascending" ? 1 : -1;
  const body = table.tBodies[0];
  const rows = [...body.rows].sort((one, other) => {
    const { unknown, known } = compare(one, other, column);
    return unknown ?? sign * known;
  });
  body.append(...rows);
  for (const one of table.tHead.rows[0].cells) one.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", direction);
  status.textContent = `Sorted by ${header.textContent.trim().toLowerCase()}, ${direction}`;
}

table?.tHead.addEventListener("click", (event) => {
  const header = event.target.closest("button")?.closest("th");
  if (!header) return;
  const first = header.dataset.key === "symbol" ? "ascending" : "descending";
  const other = first === "ascending" ? "descending" : "ascending";
  sort(header, header.getAttribute("aria-sort") === first ? other : first);
});
