// What stays as it was exported.

function besideRandom() {
  const head = ["figure", "better", "selection", "random mean", "random range", "all rows", ""];
  const made = table(head, content.figures.map((each) => [each.title, each.better, each.value, each.mean,
    `${each.low} to ${each.high}`, each.pool, each.verdict === "neither" ? "" : each.verdict]),
  { numbers: [2, 3, 4, 5], className: "verdicts" });
  made.querySelectorAll("tbody tr").forEach((line, at) => {
    line.firstChild.title = content.figures[at].help;
    line.className = content.figures[at].verdict.split(" ")[0];
  });
  section("Beside random draws", make("p", { className: "hint", text: `The exported selection beside ${
    content.draws} random draws of its size from all rows. Within their range, its ends included, nothing is claimed.` }), made);
}

function judges() {
  const { sentence: said, table: lines, models, pairs } = content.judges;
  const made = section("The judges", make("p", { className: "lead", text: said }));
  if (lines.length) {
    made.append(table(["judge", "scores seen", "scored", "unscored", "mean, selection", "mean, random",
      "random low", "random high", "mean, all rows", ""], lines,
    { numbers: [2, 3, 4, 5, 6, 7, 8], className: "judges" }));
  }
  if (models.length) {
    made.append(make("h3", { text: "Models that judged" }), table(["judge", "model", "server", "rubric",
      "how it was asked", "rows of the source"], models));
  }
  if (pairs.length) {
    made.append(make("h3", { text: "How far they agree" }), table(["judges", "rows scored by both",
      "Spearman's correlation", "both, of rows at the threshold by either"], pairs, { numbers: [1, 2, 3] }));
  }
}

function lookedFor() {
  const { sentences, head, table: lines } = content.looked;
  const made = section("What was looked for", list(sentences));
  if (lines.length) made.append(table(head, lines, { numbers: [1, 2] }));
}

function list(lines) {
  return make("ul", {}, ...lines.map((line) => make("li", { text: line })));
}

function text(label, { text: shown, more }) {
  const made = make("div", { className: "text" }, make("small", { text: label }), make("p", { text: shown || DASH }));
  if (more) made.append(make("small", { text: `${whole(more)} more characters are not shown.` }));
  return made;
}

function rowsToRead() {
  const made = section("Rows to read", make("p", { className: "hint", text: "The last rows that got in, the first "
    + "that did not, and rows drawn from the selection by a fixed seed, so that nobody picked them." }));
  let why = null;
  for (const each of content.rows) {
    if (each.why !== why) made.append(make("h3", { text: each.why }));
    why = each.why;
    made.append(make("article", {},
      make("p", { className: "about", text: [each.id, each.cluster, ...each.scores].join(" \u00b7 ") }),
      make("div", { className: "pair" }, text("Prompt", each.prompt), text("Response", each.response))));
  }
}

function howChosen() {
  section("How the rows were chosen", table([], content.decisions, { className: "decisions" }),
    make("h3", { text: "Ties and what has to be said" }), list(content.notes),
    make("h3", { text: "Licence and languages" }), list(content.rights),
    make("h3", { text: "Limits" }), list(content.limits));
  parts.recipe = make("details", {}, make("summary", { text: "The recipe: every decision, model and version" }),
    make("pre", { text: content.recipe }));
  section("Again", make("p", {}, "python -m core replay gives the same ids from the recipe, or says what differs. ",
    "The sha256 of the exported ids.txt is ", make("code", { text: content.ids_sha256 }), "."), parts.recipe);
}
