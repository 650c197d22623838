"""`python -m benchmarks [question ...]`: measure, keep in benchmarks/results.json, and write docs/performance.md anew.

Without questions all are asked; with --missing those that have no answer there yet. --prepare only makes the files that
take long; --page only writes the page; --small tries the machinery in a folder of its own, with sizes that say nothing.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from pathlib import Path

from benchmarks import (
    backup,
    fleet,
    fresh,
    ground,
    launch,
    memory,
    page,
    proportion,
    rebuild,
    results,
    rows,
    window,
)

QUESTIONS = {
    "launch": launch, "fresh": fresh, "rebuild": rebuild, "rows": rows, "memory": memory, "backup": backup,
    "proportion": proportion, "window": window, "fleet": fleet,
}  # fmt: skip


def main(arguments: list[str]) -> None:
    said = _said(arguments)
    out: Path = said.out or ground.ROOT
    kept = out / "benchmarks" / "results.json" if said.out is None else out / "results.json"
    if said.page:
        page.write(results.load(kept), out / "docs")
        return
    small_folder = {"folder": out / "files"} if said.small else {}
    on = ground.ground(small=said.small, **small_folder)
    stand = {"machine": ground.machine(on.python), "versions": ground.versions(on.python), "small": said.small}
    failed: list[str] = []
    there = results.load(kept) if said.missing else {}
    for name in said.questions or [name for name in QUESTIONS if name not in there]:
        began = time.perf_counter()
        if said.prepare:
            if hasattr(QUESTIONS[name], "prepare"):
                QUESTIONS[name].prepare(on)
                print(f"{name}: prepared in {time.perf_counter() - began:.0f} s", flush=True)
            continue
        try:
            asked = QUESTIONS[name].run(on)
        except Exception:
            traceback.print_exc()  # the other questions are asked all the same
            failed.append(name)
            continue
        seconds = time.perf_counter() - began
        all_of = results.merge(kept, name, asked, seconds, stand)
        print("\n".join(page.told(name, all_of[name])), f"({seconds:.0f} s)\n", flush=True)
        page.write(all_of, out / "docs")
    if failed:
        sys.exit(f"without an answer: {', '.join(failed)}")


def _said(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("questions", nargs="*", help=" ".join(QUESTIONS))
    parser.add_argument("--prepare", action="store_true")
    parser.add_argument("--missing", action="store_true")
    parser.add_argument("--page", action="store_true")
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--out", type=Path, help="where results and page go; needed by --small")
    said = parser.parse_args(arguments)
    if unknown := [name for name in said.questions if name not in QUESTIONS]:
        parser.error(f"no such question: {', '.join(unknown)}. There are: {', '.join(QUESTIONS)}.")
    if said.small and said.out is None:
        parser.error("--small needs --out: its figures say nothing and must not stand in the page.")
    return said


if __name__ == "__main__":
    main(sys.argv[1:])
