// A click on a column's head sorts the table by it, a second one the other way.
const sizes = { k: 1e3, M: 1e6, G: 1e9 };
function value(row, column) {
  const text = row.cells[column].dataset.text;
  const found = /^-?[\d,]*\.?\d+/.exec(text);
  if (!found) return text === "—" ? -Infinity : text;
  return parseFloat(found[0].replaceAll(",", "")) * (sizes[text[found[0].length]] ?? 1);
}
function compare(a, b) {
  if (typeof a === typeof b) return a < b ? -1 : a > b ? 1 : 0;
  return typeof a === "number" ? -1 : 1;
}
for (const table of document.querySelectorAll("table.board"))
  for (const button of table.querySelectorAll("th button"))
    button.addEventListener("click", () => {
      const head = button.parentElement, body = table.tBodies[0];
      const down = head.getAttribute("aria-sort") !== "descending";
      for (const other of head.parentElement.cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const column = head.cellIndex, sign = down ? -1 : 1;
      const rows = [...body.rows];
      rows.sort((a, b) => sign * compare(value(a, column), value(b, column)));
      body.append(...rows);
    });
