// Draws matrix.json: {sources, destinations: [{name, ports}], rows: [[cell]]}. A cell has a letter for each port of its column:
// a(llowed), d(enied), m(ixed), u(ndefined), in capitals if the application needs it.
"use strict";

const WORDS = { a: "allowed", d: "denied", m: "allowed between some replicas", u: "left open by the API" };
const COLOURS = { a: "allowed", d: "denied", m: "mixed", u: "undefined" };
const canvas = document.getElementById("grid");
const side = document.getElementById("side");
const filter = document.getElementById("filter");
const onlyRequired = document.getElementById("required");
const style = getComputedStyle(document.documentElement);
const colour = (name) => style.getPropertyValue("--" + name).trim();

let matrix = null;
let view = null;
let at = null;
let pinned = null;

// What a whole cell looks like: what is needed and not allowed outweighs all else.
function shade(cell) {
  if (!cell) return null;
  const needed = [...cell].filter((it) => it !== it.toLowerCase());
  if (needed.some((it) => it !== "A")) return "broken";
  const letters = new Set(cell.toLowerCase());
  if (letters.has("u")) return needed.length ? "needed" : "undefined";
  if (needed.length) return "needed";
  return letters.size > 1 ? "mixed" : COLOURS[[...letters][0]];
}

function layout() {
  const words = filter.value.trim().toLowerCase();
  const named = (name) => !words || name.toLowerCase().includes(words);
  const needed = (cells) => !onlyRequired.checked || cells.some((it) => it !== it.toLowerCase());
  const rows = matrix.sources.map((_, i) => i);
  const columns = matrix.destinations.map((_, i) => i);
  const shownRows = rows.filter((r) => needed(matrix.rows[r]));
  const shownColumns = columns.filter((c) => needed(rows.map((r) => matrix.rows[r][c])));
  const hitRows = shownRows.filter((r) => named(matrix.sources[r]));
  const hitColumns = shownColumns.filter((c) => named(matrix.destinations[c].name));
  // A word that names one side only shows all of the other.
  const either = hitRows.length ? hitRows : shownRows;
  const other = hitColumns.length ? hitColumns : shownColumns;
  const most = Math.max(either.length, other.length, 1);
  const size = Math.max(5, Math.min(26, Math.floor(1040 / most)));
  const labels = size >= 11;
  view = { rows: either, columns: other, size, labels };
}

function draw() {
  const context = canvas.getContext("2d");
  const { rows, columns, size, labels } = view;
  const font = Math.min(13, size - 1) + "px system-ui, sans-serif";
  context.font = font;
  const widest = (names) => Math.max(0, ...names.map((it) => context.measureText(it).width));
  const left = labels ? Math.min(320, widest(rows.map((r) => matrix.sources[r]))) + 12 : 12;
  const top = labels ? Math.min(320, widest(columns.map((c) => matrix.destinations[c].name))) * 0.72 + 16 : 12;
  const right = labels ? top : 12;
  const [width, height] = [left + columns.length * size + right, top + rows.length * size + 4];
  const scale = window.devicePixelRatio || 1;
  [canvas.width, canvas.height] = [width * scale, height * scale];
  [canvas.style.width, canvas.style.height] = [width + "px", height + "px"];
  [view.left, view.top] = [left, top];
  context.scale(scale, scale);
  context.font = font;
  context.textBaseline = "middle";
  rows.forEach((r, y) => {
    columns.forEach((c, x) => {
      const name = shade(matrix.rows[r][c]);
      if (name) {
        context.fillStyle = colour(name);
        const gap = size > 8 ? 1 : 0.5;
        context.fillRect(left + x * size, top + y * size, size - gap, size - gap);
      }
    });
  });
  if (labels) {
    rows.forEach((r, y) => {
      context.fillStyle = at && at.row === r ? colour("text") : colour("muted");
      context.textAlign = "right";
      context.fillText(matrix.sources[r], left - 8, top + (y + 0.5) * size, left - 10);
    });
    columns.forEach((c, x) => {
      context.fillStyle = at && at.column === c ? colour("text") : colour("muted");
      context.save();
      context.translate(left + (x + 0.5) * size, top - 6);
      context.rotate(-Math.PI / 4);
      context.textAlign = "left";
      context.fillText(matrix.destinations[c].name, 0, 0);
      context.restore();
    });
  }
  for (const [place, strong] of [[pinned, true], [at, false]]) {
    if (!place) continue;
    const [x, y] = [columns.indexOf(place.column), rows.indexOf(place.row)];
    if (x < 0 || y < 0) continue;
    context.strokeStyle = colour("mark");
    context.lineWidth = strong ? 2 : 1;
    context.strokeRect(left + x * size - 0.5, top + y * size - 0.5, size, size);
  }
}

function element(name, text, className) {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function describe(place) {
  side.replaceChildren();
  const [source, destination] = [matrix.sources[place.row], matrix.destinations[place.column]];
  side.append(element("h2", source + " → " + destination.name));
  const list = element("ul");
  [...matrix.rows[place.row][place.column]].forEach((letter, index) => {
    const item = element("li");
    const needed = letter !== letter.toLowerCase();
    const word = WORDS[letter.toLowerCase()];
    const tag = element("span", word, "tag");
    tag.style.background = colour(needed ? (letter === "A" ? "needed" : "broken") : COLOURS[letter]);
    if (needed || letter === "d") tag.style.color = needed ? "#fff" : colour("text");
    item.append(element("span", destination.ports[index]), tag);
    if (needed) item.append(element("span", "required", "hint"));
    list.append(item);
  });
  side.append(list);
  return destination;
}

async function explain(place) {
  pinned = place;
  const destination = describe(place);
  const text = element("pre", "…");
  side.append(text);
  const cell = matrix.rows[place.row][place.column];
  // Why is asked of what is worst: needed and not allowed, else not allowed, else the first.
  const worst = [(it) => "DMU".includes(it), (it) => "dmu".includes(it), () => true];
  const index = worst.map((is) => [...cell].findIndex(is)).find((it) => it >= 0);
  const asked = new URLSearchParams({
    source: matrix.sources[place.row],
    destination: destination.name,
    port: destination.ports[index],
  });
  draw();
  try {
    const answer = await fetch("explain?" + asked);
    const body = await answer.text();
    if (pinned === place) text.textContent = body;
  } catch (error) {
    text.textContent = String(error);
  }
}

function placeOf(event) {
  const box = canvas.getBoundingClientRect();
  const x = Math.floor((event.clientX - box.left - view.left) / view.size);
  const y = Math.floor((event.clientY - box.top - view.top) / view.size);
  const [row, column] = [view.rows[y], view.columns[x]];
  return row === undefined || column === undefined ? null : { row, column };
}

function point(place) {
  if (place && at && place.row === at.row && place.column === at.column) return;
  at = place;
  if (place && !pinned) describe(place);
  draw();
}

function press(event) {
  const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (step) {
    const x = at ? view.columns.indexOf(at.column) + step[0] : 0;
    const y = at ? view.rows.indexOf(at.row) + step[1] : 0;
    if (view.columns[x] !== undefined && view.rows[y] !== undefined) {
      pinned = null;
      point({ row: view.rows[y], column: view.columns[x] });
    }
    event.preventDefault();
  } else if (event.key === "Enter" && at) {
    explain(at);
  } else if (event.key === "Escape") {
    pinned = null;
    draw();
  }
}

function redraw() {
  layout();
  draw();
}

canvas.addEventListener("mousemove", (event) => point(placeOf(event)));
canvas.addEventListener("mouseleave", () => point(null));
canvas.addEventListener("click", (event) => {
  const place = placeOf(event);
  if (place && pinned && place.row === pinned.row && place.column === pinned.column) {
    pinned = null;
    draw();
  } else if (place) {
    explain(place);
  }
});
canvas.addEventListener("keydown", press);
filter.addEventListener("input", redraw);
onlyRequired.addEventListener("change", redraw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => draw());

fetch("matrix.json")
  .then((answer) => (answer.ok ? answer.json() : answer.text().then((text) => Promise.reject(text))))
  .then((answer) => {
    matrix = answer;
    redraw();
  })
  .catch((error) => side.replaceChildren(element("p", "matrix.json: " + error)));
