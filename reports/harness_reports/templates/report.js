
"use strict";
// Sorting, filtering and leaving columns out: every number is there without this script.
function sortable(table) {
  const bodies = [...table.tBodies].map((body) => [body, [...body.rows]]);
  const lines = bodies.flatMap(([, rows]) => rows.filter((row) => !row.classList.contains("group")));
  const heads = [...table.tHead.rows[0].cells];
  const restore = () => bodies.forEach(([body, rows]) => body.append(...rows));
  const compare = (index, numeric, sign) => (a, b) => {
    const [x, y] = [a, b].map((row) => row.cells[index]).map((cell) => cell?.dataset.value ?? cell?.textContent ?? "");
    if (x === "" || y === "") return (x === "") - (y === "");
    return sign * (numeric ? Number(x) - Number(y) : x.localeCompare(y, "en", { numeric: true }));
  };
  const sort = (head, index) => {
    const numeric = head.classList.contains("n");
    const first = numeric ? "descending" : "ascending";
    const before = head.getAttribute("aria-sort");
    const next = !before ? first : before === first ? (numeric ? "ascending" : "descending") : null;
    heads.forEach((other) => other.removeAttribute("aria-sort"));
    restore();
    table.querySelectorAll("tr.group").forEach((row) => { row.hidden = next !== null; });
    if (next === null) return;
    head.setAttribute("aria-sort", next);
    const order = [...lines].sort(compare(index, numeric, next === "ascending" ? 1 : -1));
    table.tBodies[0].append(...order);
  };
  heads.forEach((head, index) => {
    if ("still" in head.dataset) return;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    button.addEventListener("click", () => sort(head, index));
    head.append(button);
  });
  return lines;
}

function filterable(table, lines) {
  const label = document.createElement("label");
  const input = document.createElement("input");
  label.className = "filter";
  input.type = "search";
  label.append("Show rows with", input);
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    lines.forEach((row) => {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
    });
    const sorted = table.querySelector("[aria-sort]") !== null;
    table.querySelectorAll("tr.group").forEach((row) => {
      row.hidden = sorted || ![...row.parentElement.rows].some((other) => other !== row && !other.hidden);
    });
  });
  table.parentElement.before(label);
}

function slidable(table) {
  const label = document.createElement("label");
  const input = document.createElement("input");
  const shown = document.createElement("output");
  const columns = [...table.tHead.rows[0].cells].slice(1).map((head) => head.textContent.trim());
  label.className = "filter";
  Object.assign(input, { type: "range", min: 0, max: columns.length, step: 1, value: 0 });
  const show = () => {
    const chosen = Number(input.value);
    const text = chosen ? `${columns[chosen - 1]} of the items` : "every share";
    shown.textContent = text;
    input.setAttribute("aria-valuetext", text);
    table.querySelectorAll("tr").forEach((row) => [...row.cells].slice(1).forEach((cell, index) => {
      cell.hidden = chosen !== 0 && index + 1 !== chosen;
    }));
  };
  input.addEventListener("input", show);
  label.append("Falsified are", input, shown);
  table.parentElement.before(label);
  show();
}

document.querySelectorAll("table").forEach((table) => {
  const lines = sortable(table);
  if (table.id.startsWith("prevalence-table")) slidable(table);
  if ("tall" in table.dataset) filterable(table, lines);
});
