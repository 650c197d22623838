// What is seen. It asks the worker, and shows what the worker says; it knows nothing of SQL, files or Python.

const $ = (id) => document.getElementById(id);
const worker = new Worker("worker.js" + location.search, { type: "module" });
const ask = (...what) => worker.postMessage(what);

const show = {
  waiting: () => state("waiting"),
  starting: () => state("starting"),

  pending({ ids }) {
    $("doing").textContent = "Bringing your notes up to date";
    $("pending").replaceChildren(...ids.map((id) => element("li", { id: `m-${id}`, textContent: words(id) })));
  },

  progress({ phase, id, index, total, done, rows, elapsed }) {
    if (total) Object.assign($("bar"), { max: total, value: Math.max(0, index - 1 + (done && rows ? done / rows : 0)) });
    const many = rows ? `, ${done.toLocaleString()} of ${rows.toLocaleString()} rows` : "";
    $("detail").textContent = `${phase} ${id ? words(id) : ""}${many} · ${elapsed.toFixed(1)} s`;
    for (const line of $("pending").children) if (line.className === "now") line.className = "";
    if (id && $(`m-${id}`)) $(`m-${id}`).className = phase === "finished" ? "done" : "now";
  },

  ready(now) {
    $("place").textContent = `Release ${now.release}.0 · kept in this browser, in one SQLite file`;
    $("version").textContent = now.version;
    $("size").textContent = bytes(now.size);
    $("applied").replaceChildren(...now.applied.map(migration));
    const backups = now.backups.map(([name, size]) => `${name} (${bytes(size)})`);
    $("backups").textContent = backups.length ? `Backups: ${backups.join(", ")}` : "No backups yet.";
    $("add").reset();
    count = now.count;
    state("ready");
    if ($("words").value.trim()) search();
    else list(now.notes, "");
  },

  found({ words, notes }) {
    if (words === $("words").value) list(notes, words); // else an answer to what was typed before
  },

  notice({ text }) {
    Object.assign($("notice"), { textContent: text, hidden: false });
  },

  refused({ title, text, offers }) {
    $("refused-title").textContent = title;
    $("refused-text").textContent = text;
    $("offers").replaceChildren(...offers.map(offer));
    $("today").hidden = !new URLSearchParams(location.search).has("as_of");
    state("refused");
  },

  failed: ({ text }) => show.refused({ title: "This page does not work here", text, offers: ["again"] }),

  file({ name, bytes }) {
    const address = URL.createObjectURL(new Blob([bytes], { type: "application/vnd.sqlite3" }));
    element("a", { href: address, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
  },
};
worker.onmessage = ({ data }) => show[data.kind](data);
// A page that is left may be kept frozen for the way back, and its worker with the lock: other tabs would wait for it.
addEventListener("pagehide", () => worker.terminate());
addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
worker.onerror = (error) => show.failed({ text: error.message || "The worker could not be loaded." });

// -- what is shown ---------------------------------------------------------------------------------------------

let count = 0;

function state(name) {
  if (name === "ready" && $("page").dataset.state !== "ready") performance.mark("ready");
  $("page").dataset.state = name;
}

function list(notes, words) {
  $("list").replaceChildren(...notes.map(note));
  const some = notes.length < count ? `${notes.length.toLocaleString()} of ${count.toLocaleString()} notes` : `${count.toLocaleString()} ${count === 1 ? "note" : "notes"}`;
  $("count").textContent = words ? `${notes.length || "No"} ${notes.length === 1 ? "note" : "notes"} found` : count ? some : "No notes yet.";
}

function note({ id, at, title, body, hit }) {
  const remove = element("button", { type: "button", textContent: "Delete", ariaLabel: `Delete ${title || "this note"}` });
  remove.onclick = () => sure("Delete this note?", title || body.slice(0, 80), "Delete", () => ask("delete", id));
  const text = element("p");
  if (hit) text.append(...hit.replace(/\s+/g, " ").split(/[\u0001\u0002]/).map((part, i) => (i % 2 ? element("mark", { textContent: part }) : part)));
  else text.textContent = body;
  const when = element("time", { dateTime: at, textContent: new Date(at).toLocaleString() });
  const line = element("li");
  line.append(element("b", { textContent: title || "(no title)" }), text, when, remove);
  return line;
}

function migration([version, id, at, ms, release]) {
  const line = element("tr");
  const took = ms === null ? "" : `${ms} ms`;
  for (const text of [version, words(id), new Date(at).toLocaleString(), took, release ?? ""])
    line.append(element("td", { textContent: text }));
  return line;
}

function offer(what) {
  const [verb, ...more] = what.split(" ");
  const name = more.join(" ");
  const [label, action] = {
    again: ["Try again", () => location.reload()],
    download: ["Download the file", () => ask("download")],
    reset: ["Reset…", reset],
    restore: [
      `Restore ${name}…`,
      () => sure("Restore this backup?", `${name} takes the place of the notes. What is there now becomes a backup itself.`, "Restore", () => begin("restore", name)),
    ],
  }[verb];
  return element("button", { type: "button", textContent: label, onclick: action, className: verb === "reset" ? "danger" : "" });
}

// -- what is asked ---------------------------------------------------------------------------------------------

$("add").onsubmit = (event) => {
  event.preventDefault();
  if ($("text").value.trim()) ask("add", [$("text").value]);
};
$("files").onchange = async () => {
  ask("add", await Promise.all([...$("files").files].map((file) => file.text())));
};
$("download").onclick = () => ask("download");
$("bring").onchange = async () => {
  const [file] = $("bring").files;
  const content = new Uint8Array(await file.arrayBuffer());
  $("bring").value = "";
  sure("Replace the notes by this file?", `${file.name} takes their place. What is there now becomes a backup.`, "Replace", () => begin("bring", content));
};
$("reset").onclick = reset;

let typed;
$("words").oninput = () => {
  clearTimeout(typed);
  typed = setTimeout(search, 120);
};
const search = () => ask("search", $("words").value);

function reset() {
  sure("Delete all notes?", "The file in this browser and its backups are deleted, and you begin with an empty one. There is no way back, unless you have downloaded it.", "Delete all", () => begin("reset"));
}

function begin(...what) {
  $("detail").textContent = "";
  $("notice").hidden = true;
  $("pending").replaceChildren();
  $("doing").textContent = "One moment";
  $("bar").removeAttribute("value");
  state("starting");
  ask(...what);
}

function sure(title, text, yes, action) {
  $("sure-title").textContent = title;
  $("sure-text").textContent = text;
  $("yes").textContent = yes;
  $("sure").onclose = () => $("sure").returnValue === "yes" && action();
  $("sure").returnValue = "no";
  $("sure").showModal();
}

// -- small things ----------------------------------------------------------------------------------------------

const element = (name, more = {}) => Object.assign(document.createElement(name), more);
const words = (id) => id.replace(/^\d+_/, "").replaceAll("_", " ");
const bytes = (n) => (n < 1e6 ? `${Math.ceil(n / 1000)} kB` : `${(n / 1e6).toFixed(1)} MB`);

// An older release has a way back to today's.
const today = new URL(location.href);
today.searchParams.delete("as_of");
document.querySelector("#today a").href = today.href;

// A browser may clear what pages keep when the disk gets full, unless it agrees not to.
const forGood = await navigator.storage?.persist?.();
$("storage").textContent = forGood
  ? "This browser keeps it until you delete it."
  : "This browser may clear it when the disk gets full: download it now and then.";
