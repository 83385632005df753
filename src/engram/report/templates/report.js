"use strict";

// Tables: a header's button sorts by its column; again, the other way round. Numbers before text, what is missing last.
function sortKey(text) {
  const plain = text.trim().replaceAll(",", "").replaceAll("−", "-");
  if (plain === "" || plain === "n/a") return null;
  const number = Number(plain);
  return Number.isNaN(number) ? text.trim().toLowerCase() : number;
}

function compare(one, other) {
  if (typeof one === typeof other) return typeof one === "number" ? one - other : one.localeCompare(other);
  return typeof one === "number" ? -1 : 1;
}

function sortBy(header) {
  const table = header.closest("table");
  const column = header.cellIndex;
  const down = header.getAttribute("aria-sort") === "ascending";
  for (const other of header.parentNode.cells) other.setAttribute("aria-sort", "none");
  header.setAttribute("aria-sort", down ? "descending" : "ascending");
  const rows = Array.from(table.tBodies[0].rows, (row) => ({ row, key: sortKey(row.cells[column].textContent) }));
  rows.sort((one, other) => {
    if (one.key === null || other.key === null) return (one.key === null) - (other.key === null);
    return down ? compare(other.key, one.key) : compare(one.key, other.key);
  });
  table.tBodies[0].append(...rows.map((one) => one.row));
}

for (const button of document.querySelectorAll(".sortable th button")) {
  button.addEventListener("click", () => sortBy(button.parentNode));
}

// Figures: what is shown is what is saved.
for (const button of document.querySelectorAll("button.save")) {
  button.hidden = false;
  button.addEventListener("click", () => {
    const link = document.createElement("a");
    link.href = button.closest("figure").querySelector("img").src;
    link.download = button.dataset.name;
    link.click();
  });
}

// On a phone a wide figure is cut: its panels stand below each other, as wide as the page, in type that can be read.
// A piece is one box of the image, or two: the numbers of an axis, and the panel that shares them.
function inPieces(figure) {
  const image = figure.querySelector("img");
  const holder = document.createElement("div");
  holder.className = "pieces paper";
  holder.setAttribute("role", "img");
  holder.setAttribute("aria-label", image.alt);
  holder.style.setProperty("--image", `url("${image.src}")`);
  for (const boxes of JSON.parse(figure.dataset.pieces)) {
    const wide = boxes.reduce((sum, box) => sum + box[2], 0);
    const above = Math.min(...boxes.map((box) => box[1]));
    const high = Math.max(...boxes.map((box) => box[1] + box[3])) - above;
    const piece = document.createElement("div");
    piece.style.aspectRatio = wide / (high * figure.dataset.ratio);
    piece.style.maxWidth = `calc(var(--width) * ${wide})`;
    let beside = 0;
    for (const [left, top, width, height] of boxes) {
      const box = document.createElement("span");
      Object.assign(box.style, { left: `${100 * beside / wide}%`, top: `${100 * (top - above) / high}%`, width: `${100 * width / wide}%`, height: `${100 * height / high}%` });
      beside += width;
      box.style.backgroundSize = `${100 / width}% ${100 / height}%`;
      box.style.backgroundPosition = `${width < 1 ? 100 * left / (1 - width) : 0}% ${height < 1 ? 100 * top / (1 - height) : 0}%`;
      piece.append(box);
    }
    holder.append(piece);
  }
  figure.prepend(holder);
  figure.classList.add("in-pieces");
}

const narrow = window.matchMedia("(max-width: 46rem)");
function cutFigures() {
  if (!narrow.matches) return;
  for (const figure of document.querySelectorAll("figure[data-pieces]:not(.in-pieces)")) inPieces(figure);
}
narrow.addEventListener("change", cutFigures);
cutFigures();

// On a phone a figure is as wide as the page; enlarged, it is as wide as on a desk, and scrolls.
for (const button of document.querySelectorAll("button.enlarge")) {
  button.hidden = false;
  button.addEventListener("click", () => {
    const large = button.closest("figure").classList.toggle("enlarged");
    button.setAttribute("aria-pressed", String(large));
  });
}

// On paper: how it was made and claims, whole; and of the tables those that the reader opened.
let opened = [];
window.addEventListener("beforeprint", () => {
  opened = Array.from(document.querySelectorAll("#run details:not([open]), #claims details:not([open]), figcaption details:not([open])"));
  for (const one of opened) one.open = true;
});
window.addEventListener("afterprint", () => {
  for (const one of opened) one.open = false;
});

// The surface: unpacked when it is asked for; nilearn's page in a frame, whose data another map replaces.
const surface = { content: null, frame: null };

async function unpack(text) {
  const packed = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

function chosen() {
  const { label, ...map } = surface.content.maps[document.getElementById("map").value];
  return { label, info: { ...surface.content.mesh, ...map } };
}

async function openSurface() {
  const status = document.getElementById("surface-status");
  if (typeof DecompressionStream === "undefined") {
    status.textContent = "This browser is too old to unpack the surface.";
    return;
  }
  status.textContent = "Unpacking …";
  surface.content ??= await unpack(document.getElementById("surface-data").textContent);
  const { label, info } = chosen();
  const frame = document.createElement("iframe");
  frame.title = "Interactive surface: " + label;
  frame.addEventListener("load", () => { status.textContent = label; });
  // "<" is escaped: inside a script of the frame nothing may end it.
  frame.srcdoc = surface.content.head + JSON.stringify(info).replaceAll("<", "\\u003c") + surface.content.tail;
  const place = document.getElementById("surface-place");
  place.replaceChildren(frame);
  place.hidden = false;
  document.getElementById("open-surface").hidden = true;
  surface.frame = frame;
}

function changeMap() {
  if (!surface.frame) return;
  const { label, info } = chosen();
  const inside = surface.frame.contentWindow;
  surface.frame.title = "Interactive surface: " + label;
  document.getElementById("surface-status").textContent = label;
  // Without a view of its own the new map keeps the one that the reader has turned to.
  inside.surfaceMapInfo = { ...info, view: null };
  inside.addPlot();
}

if (document.getElementById("surface")) {
  document.getElementById("open-surface").addEventListener("click", openSurface);
  document.getElementById("map").addEventListener("change", changeMap);
}
