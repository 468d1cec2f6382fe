/* The sample viewer: a list that filters and sorts, and one sample at a time. Model output is only ever set as text. */
"use strict";

const viewer = document.querySelector("main.viewer");
const run = viewer.dataset.run;
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

/* Where a sample is shown: this run's, and that of a run beside it. */
const panes = {
  own: { place: byId("sample"), documents: "document-", latest: 0 },
  beside: { place: byId("other"), documents: "other-document-", latest: 0 },
};

const start = (index) => {
  const numbers = index.ids.map((_, position) => position);
  let shown = LIST_STEP;
  let listed = [];
  let current = null;
  /* The run beside this one: its id, its index, and the places of its samples by id. */
  let other = null;

  for (const status of [...new Set(index.statuses)].sort()) byId("status").append(make("option", {}, status));
  for (const [column, name] of index.names.entries()) byId("metric").append(make("option", { value: column, title: index.columns[column] }, name));
  byId("metric").value = String(Math.max(0, index.columns.findIndex((name) => /citation_rec|str_em|calib/.test(name))));

  const column = () => Number(byId("metric").value);
  const ownValue = (position) => (index.values[column()] || [])[position];
  const otherValue = (position) => {
    if (other === null) return null;
    const theirs = other.index.columns.indexOf(index.columns[column()]);
    const place = other.places.get(index.ids[position]);
    return theirs < 0 || place === undefined ? null : other.index.values[theirs][place];
  };
  const known = (value) => value !== null && value !== undefined;

  const chosen = () => {
    const status = byId("status").value;
    const words = byId("search").value.toLowerCase();
    const order = byId("order").value;
    const found = numbers.filter((each) =>
      (status === "" || index.statuses[each] === status) &&
      (words === "" || index.questions[each].toLowerCase().includes(words) || index.ids[each].toLowerCase().includes(words)));
    if (order === "data") return found;
    /* Samples for which the metric does not apply come last. */
    const key = order === "difference"
      ? (each) => (known(ownValue(each)) && known(otherValue(each)) ? -Math.abs(ownValue(each) - otherValue(each)) : Infinity)
      : (each) => (known(ownValue(each)) ? (order === "worst" ? 1 : -1) * ownValue(each) : Infinity);
    return found.sort((a, b) => (key(a) === key(b) ? a - b : key(a) - key(b)));
  };

  const list = () => {
    listed = chosen();
    byId("samples").replaceChildren(...listed.slice(0, shown).map((each) => make("li", {},
      make("a", { href: `#sample-${each}`, "aria-current": each === current ? "true" : null },
        make("span", { class: "value" }, number(ownValue(each))),
        other === null ? null : make("span", { class: "value" }, number(otherValue(each))),
        make("span", { class: "question" }, index.questions[each] || index.ids[each]),
        index.statuses[each] === "ok" ? null : make("span", { class: "badge proxy" }, index.statuses[each])))));
    byId("count").textContent = `${listed.length} of ${index.ids.length} samples`;
    byId("more").hidden = listed.length <= shown;
    return listed;
  };

  const currentNumber = () => {
    const match = /^#sample-(\d+)/.exec(location.hash);
    return match && Number(match[1]) < index.ids.length ? Number(match[1]) : null;
  };

  const choose = (position, focus) => {
    current = position;
    for (const link of byId("samples").querySelectorAll("a[aria-current]")) link.removeAttribute("aria-current");
    const link = byId("samples").querySelector(`a[href="#sample-${position}"]`);
    if (link) {
      link.setAttribute("aria-current", "true");
      link.scrollIntoView({ block: "nearest" });
    }
    showOther(position);
    return show(panes.own, run, index, position, step, other === null ? null : viewer.dataset.name).then(() => { if (focus) byId("sample").focus({ preventScroll: true }); });
  };

  const showOther = (position) => {
    byId("other").hidden = other === null;
    viewer.classList.toggle("two", other !== null);
    if (other === null) return;
    const place = other.places.get(index.ids[position]);
    if (place === undefined) {
      panes.beside.latest += 1;
      byId("other").replaceChildren(make("p", { class: "quiet" }, other.name), make("p", {}, "This run has no such sample."));
    } else show(panes.beside, other.id, other.index, place, null, other.name);
  };

  /* The next sample of the list, or the one before. */
  const step = (by) => {
    const place = listed.indexOf(current) + by;
    if (place >= 0 && place < listed.length) location.hash = `#sample-${listed[place]}`;
  };

  /* The numbers of the run beside this one, below this one's own. */
  const showNumbers = () => {
    byId("theirs").hidden = other === null;
    byId("theirs").textContent = other === null ? "" : `Second line: ${other.name}`;
    for (const each of document.querySelectorAll(".numbers [data-key]")) {
      for (const earlier of each.querySelectorAll(".theirs")) earlier.remove();
      const theirs = other === null ? undefined : other.index.numbers[each.dataset.key];
      if (theirs !== undefined) each.append(make("dd", { class: "theirs" }, theirs));
    }
  };

  const putBeside = (id) => {
    const option = [...byId("beside").options].find((each) => each.value === id);
    byId("difference").hidden = byId("difference").disabled = !option || id === "";
    if (!option || id === "") {
      other = null;
      if (byId("order").value === "difference") byId("order").value = "data";
      showNumbers();
      list();
      if (current !== null) choose(current, false);
      return;
    }
    byId("beside").value = id;
    groundeval.load(`${id}/index.js`).then((theirs) => {
      if (byId("beside").value !== id) return;
      other = { id, name: option.textContent, index: theirs, places: new Map(theirs.ids.map((each, place) => [each, place])) };
      showNumbers();
      list();
      if (current !== null) choose(current, false);
    }, (error) => { byId("count").textContent = error.message; });
  };

  for (const control of ["status", "metric", "order"]) byId(control).addEventListener("change", list);
  byId("search").addEventListener("input", list);
  byId("more").addEventListener("click", () => { shown += LIST_STEP; list(); });
  if (byId("beside")) {
    byId("beside").addEventListener("change", (event) => putBeside(event.target.value));
    const asked = new URLSearchParams(location.search).get("beside");
    if (asked) putBeside(asked);
  }
  byId("samples").addEventListener("keydown", (event) => {
    const step = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
    const next = step && event.target.closest("li")[step];
    if (next) { event.preventDefault(); next.firstElementChild.focus(); }
  });
  document.addEventListener("keydown", (event) => {
    const by = { j: 1, k: -1 }[event.key];
    if (by === undefined || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) return;
    step(by);
  });
  window.addEventListener("hashchange", () => { if (currentNumber() !== null) choose(currentNumber(), true); });

  const first = list()[0];
  const position = currentNumber() ?? first;
  if (position === undefined) byId("sample").replaceChildren(make("p", {}, "There are no samples."));
  else choose(position, false);
};

const show = async (pane, id, index, position, step, name) => {
  const asked = ++pane.latest;
  const chunk = Math.floor(position / index.chunk);
  const within = position % index.chunk;
  const documentsName = index.documents[chunk];
  let samples, documents;
  try {
    [samples, documents] = await Promise.all([
      groundeval.load(`${id}/samples-${chunk}.js`),
      documentsName ? groundeval.load(`../documents/${documentsName}.js`) : [],
    ]);
  } catch (error) {
    if (asked === pane.latest) pane.place.replaceChildren(make("p", { class: "warning", role: "alert" }, String(error.message)));
    return;
  }
  /* Another sample was chosen while this one was loading. */
  if (asked !== pane.latest) return;
  const sample = samples[within];
  /* A copy: runs on the same data share their documents. */
  const docs = Object.assign([...(documents[within] || [])], { pane });
  const parts = [
    step === null ? null : make("p", { class: "steps" }, stepButton("← previous", "k", () => step(-1)), stepButton("next →", "j", () => step(1))),
    make("p", { class: "quiet" }, name ? make("b", {}, name) : null, name ? " · " : "",
      `sample ${index.ids[position]} · status ${index.statuses[position]}`, sample.finish ? ` · ended by ${sample.finish}` : ""),
    make("h2", {}, sample.question || "Question"),
    sample.question ? null : make("p", { class: "quiet" },
      index.prompts ? "The data are missing here; the question is in the prompt below. Add them with --data FILE." : "The texts of this run are missing here. Add them with --data FILE, the file that was scored."),
    sample.error ? make("p", { class: "warning" }, sample.error) : null,
    sample.response === null ? null : part("Response", make("p", { class: "response" },
      sample.response === "" ? make("i", {}, "(empty)") : cited(sample.response, docs))),
    sample.refusal === null ? null : make("p", { class: "quiet" },
      `Refusal score ${number(sample.refusal.score)}: ${sample.refusal.refused ? "a refusal" : "no refusal"} (above ${sample.refusal.threshold} is one).`),
    statementsPart(sample, docs),
    goldPart(sample),
    verdictsPart(sample, docs, index.threshold),
    part("Metrics of this sample", make("dl", { class: "metrics" }, index.names.map((name, column) => make("div", {},
      make("dt", { title: index.columns[column] }, name), make("dd", {}, number(index.values[column][position])))))),
    sample.reasoning ? make("details", {}, make("summary", {}, "Reasoning"), make("p", { class: "response" }, sample.reasoning)) : null,
    index.prompts ? promptPart(id, chunk, within) : null,
  ];
  pane.place.replaceChildren(make("div", { class: "reading" }, parts), documentsPart(docs) ?? "");
  const first = sample.statements.find((each) => each.citations.some((cited) => cited in docs));
  if (first) markEvidence(docs, first.text, first.citations, first.supported);
};

const stepButton = (text, key, act) => {
  const button = make("button", { type: "button", title: `key ${key}` }, text);
  button.addEventListener("click", act);
  return button;
};

/* Evidence: in the documents that a verdict read, the sentences that share most words with what was judged. The verdict
   itself is on whole documents, which the caption says. */
const COMMON = new Set("the and for was were are has had have that this with from which who its his her their not but also into over than then they you our been being".split(" "));
const ENOUGH = 0.2;
const wordsOf = (text) => new Set((text.toLowerCase().match(/[\p{L}\p{N}]+/gu) || []).filter((word) => (word.length > 2 || /\d/.test(word)) && !COMMON.has(word)));
const sentencesOf = (text) => text.match(/[^.!?\n]+(?:[.!?](?!\s|$)[^.!?\n]*)*[.!?]*["”’')\]]*\s*|[.!?\n]+\s*/g) || [text];

const markEvidence = (docs, hypothesis, cited, entailed) => {
  const wanted = wordsOf(hypothesis.replace(/\[\d+\]/g, " "));
  const prefix = docs.pane.documents;
  let marked = 0;
  docs.forEach((doc, index) => {
    const place = byId(`${prefix}${index + 1}`);
    const paragraph = place && place.querySelector("p");
    if (!paragraph) return;
    place.classList.toggle("read", cited.includes(index));
    if (!cited.includes(index) || wanted.size === 0) { paragraph.replaceChildren(doc.text); return; }
    const sentences = sentencesOf(doc.text);
    const shares = sentences.map((each) => { const own = wordsOf(each); return [...wanted].filter((word) => own.has(word)).length / wanted.size; });
    const best = Math.max(...shares, 0);
    const isEvidence = (share) => share >= ENOUGH && share >= 0.8 * best;
    marked += shares.filter(isEvidence).length;
    paragraph.replaceChildren(...sentences.map((each, at) => (isEvidence(shares[at]) ? make("mark", { class: entailed ? "yes" : "no" }, each) : each)));
  });
  const caption = byId(`${prefix}caption`);
  if (caption) caption.replaceChildren(
    marked ? "Marked are the sentences that share the most words with " : "No sentence shares enough words with ",
    make("q", {}, hypothesis.length > 160 ? `${hypothesis.slice(0, 159)}…` : hypothesis),
    entailed ? ". Verdict: the cited documents together entail it." : ". Verdict: the cited documents together do not entail it.");
};

const evidenceButton = (docs, hypothesis, cited, entailed) => {
  const positive = cited.map((index) => (index < 0 ? docs.length + index : index)).filter((index) => index in docs);
  if (positive.length === 0) return null;
  const button = make("button", { type: "button", class: "evidence" }, "evidence");
  button.addEventListener("click", () => {
    markEvidence(docs, hypothesis, positive, entailed);
    const first = byId(`${docs.pane.documents}${positive[0] + 1}`);
    first.open = true;
    (first.querySelector("mark") || first).scrollIntoView({ block: "center" });
  });
  return button;
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
  const link = make("a", { class: `citation${kind}`, href: `#${docs.pane.documents}${index + 1}`, title: docs[index].title }, text);
  link.addEventListener("click", (event) => {
    const target = byId(`${docs.pane.documents}${index + 1}`);
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
    mark(each.supported), cited(each.text, docs), " ", evidenceButton(docs, each.text, each.citations, each.supported),
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
      each.score === null ? "" : ` · score ${number(each.score)} · margin ${signed(each.score - (threshold ?? 0.5))}`, " ",
      Array.isArray(each.premise) ? evidenceButton(docs, each.hypothesis, each.premise, each.entailed) : null),
    make("p", {}, make("span", { class: "quiet" }, "premise "),
      Array.isArray(each.premise) ? each.premise.map((index) => citation(index < 0 ? docs.length + index : index, docs)) : `the ${each.premise}`),
    make("p", {}, make("span", { class: "quiet" }, "hypothesis "), each.hypothesis)))),
  leftOut(sample, "verdicts"));

const leftOut = (sample, name) => name in sample.left_out
  ? make("p", { class: "quiet" }, `${sample.left_out[name]} more are in the run folder.`) : null;

const documentsPart = (docs) => docs.length === 0 ? null : make("aside", { class: "documents" }, part("Documents",
  make("p", { class: "quiet", id: `${docs.pane.documents}caption` }), ...docs.map((each, index) =>
  make("details", { class: "document", id: `${docs.pane.documents}${index + 1}`, open: true },
    make("summary", {}, make("span", { class: "citation" }, `[${index + 1}]`), " ", each.title || "(no title)",
      each.found && each.found.some(Boolean) ? make("span", { class: "badge" }, "holds a gold answer") : null),
    make("p", {}, each.text)))));

const promptPart = (id, chunk, within) => {
  const text = make("pre", {}, "Loading …");
  const whole = make("details", { class: "prompt" }, make("summary", {}, "Rendered prompt"), text);
  whole.addEventListener("toggle", () => {
    groundeval.load(`${id}/prompts-${chunk}.js`).then(
      (prompts) => { text.textContent = prompts[within] === null ? "(not stored)" : prompts[within]; },
      (error) => { text.textContent = error.message; });
  }, { once: true });
  return whole;
};

groundeval.load(`${run}/index.js`).then(start, (error) => {
  byId("sample").replaceChildren(make("p", { class: "warning", role: "alert" }, error.message));
});
