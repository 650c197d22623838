// Python, in a worker of its own, so that the page never stands still. The page's wishes arrive here one after the other;
// what there is to show goes back. The files are in memory while Python works: keep() makes the browser store them.

import { loadPyodide } from "./pyodide/pyodide.mjs";
import { stores } from "./stores.js";

const asked = new URL(self.location).searchParams;
const store = stores[asked.get("store") || "idb"];
const FOLDER = "/notes";
const DATABASE = "notes.db";
const BROUGHT = "/brought.db"; // a file that the user puts in the place of the notes

let FS, app;
const tell = (said) => self.postMessage(said);
const fetched = async (name) => (await checked(await fetch(name))).arrayBuffer();
// What refuses is a DOMException (a full disk, say), which is no Error to Python: it would wait for ever.
const asError = (reason) => {
  throw new Error([reason?.name, reason?.message].filter(Boolean).join(": ") || String(reason));
};
const checked = (answer) => {
  if (!answer.ok) throw new Error(`${answer.url}: ${answer.status} ${answer.statusText}`);
  return answer;
};

// Two tabs would each work on a copy in memory, and the later one to keep its own would undo what the other did. So only the tab
// that has the lock opens the notes; it loses it when it is closed, killed or discarded, and the next one goes on.
async function alone() {
  if (!navigator.locks) throw new Error("This page must be opened by https or from this machine: it has no locks else.");
  const held = (options) =>
    new Promise((done, fail) => {
      const forEver = (lock) => (done(lock), lock && new Promise(() => {}));
      navigator.locks.request(`notes in ${asked.get("store") || "idb"}`, options, forEver).catch(fail);
    });
  if (await held({ ifAvailable: true })) return;
  tell({ kind: "waiting" });
  await held({});
  tell({ kind: "starting" });
}

async function start() {
  const files = await (await checked(await fetch("files.json"))).json();
  const archives = Promise.all(files.map(async (name) => [name, await fetched(name)]));
  const [python] = await Promise.all([loadPyodide(), alone()]);
  FS = python.FS;
  FS.mkdirTree(FOLDER);
  await store.open(FS, FOLDER);
  const packages = python.runPython("import sys, site; site.getsitepackages()[0]");
  for (const [name, content] of await archives)
    python.unpackArchive(content, name.endsWith(".whl") ? "wheel" : "zip", { extractDir: packages });
  const keep = () => store.keep(FS, FOLDER, DATABASE).catch(asError);
  const release = asked.get("as_of") ? Number(asked.get("as_of")) : null;
  app = python.pyimport("app").start(`${FOLDER}/${DATABASE}`, release, keep, (said) => tell(JSON.parse(said)));
  await app.answer('["launch"]');
}

const said = {
  // What needs no Python: bytes go to and fro as they are.
  download: async () => tell({ kind: "file", name: DATABASE, bytes: FS.readFile(`${FOLDER}/${DATABASE}`) }),
  bring: async (bytes) => {
    FS.writeFile(BROUGHT, bytes);
    await app.answer('["restore", null]');
    FS.unlink(BROUGHT);
  },
};

const failed = (error) => {
  console.error(error);
  tell({ kind: "failed", text: String(error.message || error) });
};
let last = start().catch(failed);
self.onmessage = ({ data: [verb, ...given] }) => {
  last = last.then(() => (said[verb] || (() => app.answer(JSON.stringify([verb, ...given]))))(...given)).catch(failed);
};
