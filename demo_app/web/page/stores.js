// Where the browser keeps the files of one folder. Python works on them in memory; open() fetches them, keep() stores them.
// keep() is done once the browser says that they are stored, and fails where it can't. Nobody writes to the folder meanwhile.

// IndexedDB, through Emscripten's IDBFS. The default, since it is the safer: all files are stored in one transaction, so that a
// tab that dies leaves all of them as they were or all as they are.
const idb = {
  async open(FS, folder) {
    strictly();
    FS.mount(FS.filesystems.IDBFS, {}, folder);
    await synced(FS, true);
  },
  async keep(FS, folder, database) {
    moveOn(FS, `${folder}/${database}`);
    await synced(FS, false);
  },
};

const synced = (FS, fetch) =>
  new Promise((done, fail) => FS.syncfs(fetch, (error) => (error ? fail(error) : done())));

// IDBFS stores what has another time than before, in milliseconds; a browser's clock may stand still for a hundred of them
// (Firefox, where it resists fingerprinting). So a change gets a time of its own.
const kept = new Map();
function moveOn(FS, path) {
  if (!FS.analyzePath(path).exists) return;
  const now = FS.stat(path).mtime.getTime();
  if (now === kept.get(path)) FS.utime(path, now + 1, now + 1);
  kept.set(path, FS.stat(path).mtime.getTime());
}

// A transaction may be reported as complete before the disk has it ("relaxed", the default in most browsers), and a power cut
// would undo what was told as done. IDBFS has no option for it.
function strictly() {
  const plain = IDBDatabase.prototype.transaction;
  IDBDatabase.prototype.transaction = function (stores, mode) {
    return plain.call(this, stores, mode, { durability: "strict" });
  };
}

// The origin's private file system, file by file. Each is replaced in one step when its stream is closed, the database last.
const opfs = {
  async open(FS, folder) {
    this.files = await (await navigator.storage.getDirectory()).getDirectoryHandle("notes", { create: true });
    FS.mkdirTree(folder);
    for await (const [name, file] of this.files.entries()) {
      FS.writeFile(`${folder}/${name}`, new Uint8Array(await (await file.getFile()).arrayBuffer()));
      const at = (await file.getFile()).lastModified;
      FS.utime(`${folder}/${name}`, at, at);
      kept.set(name, at);
    }
  },
  async keep(FS, folder, database) {
    const names = FS.readdir(folder).filter((name) => FS.isFile(FS.stat(`${folder}/${name}`).mode));
    for (const name of names.sort((one, other) => (one === database) - (other === database))) {
      const at = FS.stat(`${folder}/${name}`).mtime.getTime();
      if (name !== database && at === kept.get(name)) continue;
      const stream = await (await this.files.getFileHandle(name, { create: true })).createWritable();
      await stream.write(FS.readFile(`${folder}/${name}`));
      await stream.close();
      kept.set(name, at);
    }
    for await (const name of this.files.keys()) if (!names.includes(name)) await this.files.removeEntry(name);
  },
};

export const stores = { idb, opfs };
