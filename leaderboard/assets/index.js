/* The leaderboard: tables that sort, filter and search, and the figures. */
"use strict";

/* Rows that may be compared stay together, however a table is sorted. */
const ALWAYS_TOGETHER = { pre: [[0, "asc"]] };
const PAGE = 50;

for (const table of document.querySelectorAll("table.leaderboard")) {
  const rows = table.tBodies[0].rows.length;
  const paged = rows > PAGE;
  const headings = new Map([...table.tBodies[0].rows].map((row) => [row, row.cells[0].textContent]));
  const headingOf = (row) => document.createTextNode(headings.get(row));
  const api = new DataTable(table, {
    columnDefs: [
      { targets: 0, visible: false },
      { targets: [1, 2], orderSequence: ["asc", "desc"] },
      { targets: "_all", orderSequence: ["desc", "asc"] },
    ],
    orderFixed: ALWAYS_TOGETHER,
    order: [[1, "asc"]],
    rowGroup: { dataSrc: (row) => row[0].display, startRender: (members) => headingOf(members.nodes()[0]) },
    paging: paged,
    pageLength: PAGE,
    lengthMenu: [PAGE, 100, 500],
    info: true,
    autoWidth: false,
    layout: { topStart: null, topEnd: "search", bottomStart: "info", bottomEnd: paged ? "paging" : null },
    language: { search: "Search", info: "_TOTAL_ rows", infoFiltered: "of _MAX_", infoEmpty: "no rows" },
  });
  /* The library says the direction of the first order only, which here is that of the groups. */
  const sayOrder = () => {
    const [column, direction] = api.order()[0];
    for (const heading of table.tHead.querySelectorAll("th")) {
      if (heading.dataset.dtColumn === String(column)) heading.setAttribute("aria-sort", `${direction}ending`);
      else heading.removeAttribute("aria-sort");
    }
  };
  api.on("draw", sayOrder);
  sayOrder();
  const controls = document.querySelector(`.controls[data-for="${table.id}"]`);
  const judge = controls.querySelector(".judge");
  const reported = controls.querySelector(".with-reported");
  api.search.fixed("rows", (text, data, index) => {
    const row = api.row(index).node();
    if ("reported" in row.dataset) return reported.checked;
    return judge.value === "" || row.dataset.judge === judge.value;
  });
  /* What only papers report is shown with their numbers. */
  const sources = table.closest(".board").querySelector(".sources");
  const showReported = () => {
    api.columns(".reported-only").visible(reported.checked);
    if (sources) sources.hidden = !reported.checked;
  };
  if (reported) showReported();
  api.draw();
  controls.append(table.closest(".dt-container").querySelector(".dt-search"));
  judge.addEventListener("change", () => api.draw());
  if (reported) reported.addEventListener("change", () => { showReported(); api.draw(); redraw(); });
}

/* Numbers from papers are drawn only where they are asked for; and no line of one data set goes through them. */
const withReported = (id) => {
  const box = document.getElementById(id)?.closest(".board")?.querySelector(".with-reported");
  return Boolean(box && box.checked);
};

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const layoutOf = (figure, reported) => {
  const axis = (title) => ({
    title: { text: title, standoff: 8 }, gridcolor: colour("--line"), zerolinecolor: colour("--line"), automargin: true,
  });
  const layout = {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { color: colour("--text"), family: getComputedStyle(document.body).fontFamily, size: 12 },
    colorway: [1, 2, 3, 4, 5, 6].map((index) => colour(`--series-${index}`)),
    margin: { l: 50, r: 16, t: 8, b: 44 }, hovermode: "closest", showlegend: figure.data.length > 1 || Boolean(figure.data[0].name),
    legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 }, xaxis: axis(figure.x), yaxis: axis(figure.y),
  };
  if (figure.categories) {
    /* Names such as "9" and "10" are names, not numbers. */
    layout.xaxis.type = "category";
    layout.yaxis.type = "category";
    layout.yaxis.autorange = "reversed";
  }
  if ("ideal" in figure && !reported) {
    layout.shapes = [{
      type: "line", x0: figure.ideal, x1: figure.ideal, yref: "paper", y0: 0, y1: 1,
      line: { dash: "dot", width: 1.5, color: colour("--quiet") },
    }];
    layout.annotations = [{
      x: figure.ideal, y: 0, yref: "paper", yanchor: "bottom", xanchor: "left", showarrow: false, text: `answerable: ${figure.ideal}%`,
      font: { color: colour("--quiet") },
    }];
  }
  return layout;
};

let figures = {};

const redraw = () => {
  for (const [id, figure] of Object.entries(figures)) {
    const place = document.getElementById(id);
    if (!place) continue;
    const reported = withReported(id);
    const shown = figure.data.filter((trace) => reported || !trace.reported);
    place.closest("figure").hidden = shown.length === 0;
    if (shown.length) Plotly.react(place, structuredClone(shown), layoutOf({ ...figure, data: shown }, reported), { responsive: true, displayModeBar: false });
  }
};

groundeval.load("data/figures.js").then((loaded) => {
  figures = loaded;
  redraw();
  document.addEventListener("themechange", redraw);
});
