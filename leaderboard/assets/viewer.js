/* The sample viewer: a list that filters and sorts, and one sample at a time. Model output is only ever set as text. */
"use strict";

const run = document.querySelector("main.viewer").dataset.run;
const byId = (id) => document.getElementById(id);
const LIST_STEP = 1000;

/* An element with attributes and children; strings become text nodes. */
const make = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
};

const number = (value) => (value === null || value === undefined ? "n/a" : String(Math.round(value * 1000) / 1000));
const signed = (value) => `${value < 0 ? "−" : "+"}${number(Math.abs(value))}`;
const mark = (right) => make("span", { class: right ? "yes" : "no" }, right ? "✓ " : "✗ ");

const start = (index) => {
  const numbers = index.ids.map((_, position) => position);
  let shown = LIST_STEP;

  for (const status of [...new Set(index.statuses)].sort()) byId("status").append(make("option", {}, status));
  for (const [column, name] of index.columns.entries()) byId("metric").append(make("option", { value: column }, name));
  byId("metric").value = String(Math.max(0, index.columns.findIndex((name) => /citation_rec|str_em|calib/.test(name))));

  const chosen = () => {
    const status = byId("status").value;
    const words = byId("search").value.toLowerCase();
    const values = index.values[Number(byId("metric").value)] || [];
    const order = byId("order").value;
    const found = numbers.filter((each) =>
      (status === "" || index.statuses[each] === status) &&
      (words === "" || index.questions[each].toLowerCase().includes(words) || index.ids[each].toLowerCase().includes(words)));
    if (order === "data") return found;
    const sign = order === "worst" ? 1 : -1;
    /* Samples for which the metric does not apply come last. */
    const key = (each) => (values[each] === null || values[each] === undefined ? Infinity : sign * values[each]);
    return found.sort((a, b) => (key(a) === key(b) ? a - b : key(a) - key(b)));
  };

  const list = () => {
    const found = chosen();
    const values = index.values[Number(byId("metric").value)] || [];
    const current = currentNumber();
    byId("samples").replaceChildren(...found.slice(0, shown).map((each) => make("li", {},
      make("a", { href: `#sample-${each}`, "aria-current": each === current ? "true" : null },
        make("span", { class: "value" }, number(values[each])),
        make("span", { class: "question" }, index.questions[each] || index.ids[each]),
        index.statuses[each] === "ok" ? null : make("span", { class: "badge proxy" }, index.statuses[each])))));
    byId("count").textContent = `${found.length} of ${index.ids.length} samples`;
    byId("more").hidden = found.length <= shown;
    return found;
  };

  const currentNumber = () => {
    const match = /^#sample-(\d+)/.exec(location.hash);
    return match && Number(match[1]) < index.ids.length ? Number(match[1]) : null;
  };

  const choose = (position, focus) => {
    for (const link of byId("samples").querySelectorAll("a[aria-current]")) link.removeAttribute("aria-current");
    const link = byId("samples").querySelector(`a[href="#sample-${position}"]`);
    if (link) link.setAttribute("aria-current", "true");
    return show(index, position).then(() => { if (focus) byId("sample").focus({ preventScroll: true }); });
  };

  for (const control of ["status", "metric", "order"]) byId(control).addEventListener("change", list);
  byId("search").addEventListener("input", list);
  byId("more").addEventListener("click", () => { shown += LIST_STEP; list(); });
  byId("samples").addEventListener("keydown", (event) => {
    const step = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
    const next = step && event.target.closest("li")[step];
    if (next) { event.preventDefault(); next.firstElementChild.focus(); }
  });
  window.addEventListener("hashchange", () => { if (currentNumber() !== null) choose(currentNumber(), true); });

  const first = list()[0];
  const position = currentNumber() ?? first;
  if (position === undefined) byId("sample").replaceChildren(make("p", {}, "There are no samples."));
  else choose(position, false);
};

let latest = 0;

const show = async (index, position) => {
  const asked = ++latest;
  const chunk = Math.floor(position / index.chunk);
  const within = position % index.chunk;
  const documentsName = index.documents[chunk];
  let samples, documents;
  try {
    [samples, documents] = await Promise.all([
      groundeval.load(`${run}/samples-${chunk}.js`),
      documentsName ? groundeval.load(`../documents/${documentsName}.js`) : [],
    ]);
  } catch (error) {
    if (asked === latest) byId("sample").replaceChildren(make("p", { class: "warning", role: "alert" }, String(error.message)));
    return;
  }
  /* Another sample was chosen while this one was loading. */
  if (asked !== latest) return;
  const sample = samples[within];
  const docs = documents[within] || [];
  byId("sample").replaceChildren(...[
    make("p", { class: "quiet" }, `sample ${index.ids[position]} · status ${index.statuses[position]}`,
      sample.finish ? ` · ended by ${sample.finish}` : ""),
    make("h2", {}, sample.question || "Question"),
    sample.question ? null : make("p", { class: "quiet" },
      index.prompts ? "The data are not at hand: the question stands in the prompt below." : "The texts of this run are not at hand."),
    sample.error ? make("p", { class: "warning" }, sample.error) : null,
    sample.response === null ? null : part("Response", make("p", { class: "response" },
      sample.response === "" ? make("i", {}, "(empty)") : cited(sample.response, docs))),
    sample.refusal === null ? null : make("p", { class: "quiet" },
      `Refusal score ${number(sample.refusal.score)}: ${sample.refusal.refused ? "a refusal" : "no refusal"} (above ${sample.refusal.threshold} is one).`),
    statementsPart(sample, docs),
    goldPart(sample),
    verdictsPart(sample, docs, index.threshold),
    part("Metrics of this sample", make("dl", { class: "metrics" }, index.columns.map((name, column) => make("div", {},
      make("dt", {}, name), make("dd", {}, number(index.values[column][position])))))),
    documentsPart(docs),
    sample.reasoning ? make("details", {}, make("summary", {}, "Reasoning"), make("p", { class: "response" }, sample.reasoning)) : null,
    index.prompts ? promptPart(chunk, within) : null,
  ].filter(Boolean));
};

const part = (title, ...content) => make("section", {}, make("h3", {}, title), ...content);

/* Text in which [n] is a link to document n, where there is one. */
const cited = (text, docs) => {
  const pieces = [];
  let end = 0;
  for (const match of text.matchAll(/\[(\d{1,4})\]/g)) {
    pieces.push(text.slice(end, match.index));
    pieces.push(Number(match[1]) >= 1 && Number(match[1]) <= docs.length ? citation(Number(match[1]) - 1, docs) : match[0]);
    end = match.index + match[0].length;
  }
  return [...pieces, text.slice(end)];
};

const citation = (index, docs, right) => {
  const known = index >= 0 && index < docs.length;
  const text = `[${index + 1}]`;
  const kind = right === undefined ? "" : right ? " yes" : " no";
  if (!known) return make("span", { class: `citation${kind}` }, text);
  const link = make("a", { class: `citation${kind}`, href: `#document-${index + 1}`, title: docs[index].title }, text);
  link.addEventListener("click", (event) => {
    const target = byId(`document-${index + 1}`);
    event.preventDefault();
    target.open = true;
    target.scrollIntoView({ block: "center" });
    target.querySelector("summary").focus({ preventScroll: true });
    for (const other of document.querySelectorAll(".document.followed")) other.classList.remove("followed");
    target.classList.add("followed");
  });
  return link;
};

const statementsPart = (sample, docs) => sample.statements.length === 0 ? null : part("Statements",
  make("ol", { class: "statements" }, sample.statements.map((each) => make("li", { class: each.supported ? "supported" : "unsupported" },
    mark(each.supported), cited(each.text, docs),
    make("div", { class: "quiet" }, each.supported ? "supported by its citations" : each.citations.length ? "not supported by its citations" : "no citation",
      each.citations.length ? ": " : "",
      each.precise.length
        ? each.precise.flatMap(([index, right]) => [citation(index, docs, right), right ? " precise " : " not precise "])
        : each.citations.map((index) => citation(index, docs)))))),
  leftOut(sample, "statements"));

const goldPart = (sample) => sample.gold.length === 0 ? null : part("Gold answers",
  make("ul", { class: "gold" }, sample.gold.map((each) => make("li", {},
    each.found === null ? make("span", { class: "quiet" }, "not asked ") : mark(each.found),
    each.aliases.join(" / "),
    make("span", { class: "quiet" }, each.found === null ? "" : each.found ? " found" : " missed",
      each.supported === null ? "" : each.supported ? ", in the documents" : ", not in the documents")))));

const verdictsPart = (sample, docs, threshold) => sample.verdicts.length === 0 ? null : make("details", { class: "verdicts" },
  make("summary", {}, `NLI verdicts (${sample.verdicts.length})`),
  make("p", { class: "quiet" }, threshold === null
    ? "The model's answer decides. The score is the probability of yes against no, and the margin its distance from 0.5."
    : `Entailed from a score of ${number(threshold)} on. The margin is the score's distance from there.`),
  make("ul", {}, sample.verdicts.map((each) => make("li", {},
    make("p", {}, mark(each.entailed), make("b", {}, each.entailed ? "entailed" : "not entailed"),
      each.score === null ? "" : ` · score ${number(each.score)} · margin ${signed(each.score - (threshold ?? 0.5))}`),
    make("p", {}, make("span", { class: "quiet" }, "premise "),
      Array.isArray(each.premise) ? each.premise.map((index) => citation(index < 0 ? docs.length + index : index, docs)) : `the ${each.premise}`),
    make("p", {}, make("span", { class: "quiet" }, "hypothesis "), each.hypothesis)))),
  leftOut(sample, "verdicts"));

const leftOut = (sample, name) => name in sample.left_out
  ? make("p", { class: "quiet" }, `${sample.left_out[name]} more are in the run folder.`) : null;

const documentsPart = (docs) => docs.length === 0 ? null : part("Documents", ...docs.map((each, index) =>
  make("details", { class: "document", id: `document-${index + 1}`, open: true },
    make("summary", {}, make("span", { class: "citation" }, `[${index + 1}]`), " ", each.title || "(no title)",
      each.found && each.found.some(Boolean) ? make("span", { class: "badge" }, "holds a gold answer") : null),
    make("p", {}, each.text))));

const promptPart = (chunk, within) => {
  const text = make("pre", {}, "Loading …");
  const whole = make("details", { class: "prompt" }, make("summary", {}, "Rendered prompt"), text);
  whole.addEventListener("toggle", () => {
    groundeval.load(`${run}/prompts-${chunk}.js`).then(
      (prompts) => { text.textContent = prompts[within] === null ? "(not stored)" : prompts[within]; },
      (error) => { text.textContent = error.message; });
  }, { once: true });
  return whole;
};

groundeval.load(`${run}/index.js`).then(start, (error) => {
  byId("sample").replaceChildren(make("p", { class: "warning", role: "alert" }, error.message));
});
