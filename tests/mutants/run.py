#!/usr/bin/env python3
"""Mutation testing by sample: draws mutants by a seed, puts one after another into a copy of the tree, and runs the tests.

cargo-mutants says which mutants there are (`cargo install --locked cargo-mutants`). Each is tried first against the unit
tests of its crate; one that these do not catch against the wider suites, which take longer. What came of each is
a line of results.jsonl: a run that was cut short goes on where it was, `--again missed` tries once more what nothing caught.

A test that takes far more processor time than without a mutant, or none at all for a minute, counts as one that never ends: time on
the clock says nothing beside other work.

    tests/mutants/run.py [--count 220] [--seed 4] [--only TEXT] [--again missed] [--work target/mutants]
"""
import argparse
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# What the sample is drawn from: framing, recovery, group commit and opening; folds, metadata, the queue of live threads.
FILES = [
    "engine/src/format/*.rs",
    "engine/src/recover/*.rs",
    *(f"engine/src/journal/{name}.rs" for name in (
        "batch", "core", "lead", "mark", "spare", "state", "tail", "ticket", "timers", "waiters", "window",
        "claim", "dead", "opening", "past", "revive")),
    "store/src/fold.rs",
    "store/src/view/*.rs",
    "store/src/metadata/*.rs",
    "store/src/local/queue.rs",
]
# Arguments of `cargo test` by package: the crate's own tests, then the suites that a survivor meets, one after another.
FIRST = {"threadlog-engine": ["-p", "threadlog-engine", "--lib"], "threadlog": ["-p", "threadlog", "--lib"]}
WIDER = {
    "threadlog-engine": [["-p", "threadlog", "--lib"]],
    "threadlog": [],
}
SUITES = ["contract", "local_store", "fail_stop", "crash", "damage", "faults", "random", "kill_soak"]
WHOLE = [["-p", "threadlog-tests", *(word for suite in SUITES for word in ("--test", suite))]]
MODEL = {"threadlog-engine": [["-p", "threadlog-tests", "--features", "model", "--test", "model"]], "threadlog": []}

CAUGHT = ("caught", "never ends")
IDLE_TICKS_MAX = 90


class Tree:
    """A copy of the repository that mutants are put into."""

    def __init__(self, work: Path):
        self.path, self.target = work / "tree", work / "target"

    def renew(self) -> None:
        """Brings the copy up to what the repository has; unchanged files keep their times, so little is built again."""
        self.path.mkdir(parents=True, exist_ok=True)
        listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, check=True, capture_output=True)
        names = {name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()}
        for old in [path for path in self.path.rglob("*") if path.is_file()]:
            if str(old.relative_to(self.path)) not in names:
                old.unlink()
        for name in names:
            source, copy = ROOT / name, self.path / name
            if not copy.exists() or copy.read_bytes() != source.read_bytes():
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, copy)
                copy.chmod(source.stat().st_mode)

    def cargo(self, *words: str) -> subprocess.CompletedProcess:
        """Cargo in the copy, quick to build: nothing but the changed crate is built again."""
        env = {**os.environ, "CARGO_TARGET_DIR": str(self.target), "CARGO_INCREMENTAL": "1",
               "CARGO_PROFILE_DEV_DEBUG": "0", "CARGO_TERM_COLOR": "never"}
        return subprocess.run(["cargo", *words], cwd=self.path, env=env, capture_output=True, text=True)

    def patch(self, mutant: dict, back: bool = False) -> None:
        """Puts a mutant in, or takes it out."""
        words = ["patch", "--quiet", "--no-backup-if-mismatch", *(["-R"] if back else []), mutant["file"]]
        subprocess.run(words, cwd=self.path, input=mutant["diff"], text=True, check=True)


def mutants() -> list[dict]:
    """All mutants of the files, in the tool's order."""
    files = [word for pattern in FILES for word in ("-f", pattern)]
    listed = subprocess.run(["cargo", "mutants", "--list", "--json", "--diff", *files], cwd=ROOT, check=True, capture_output=True)
    return json.loads(listed.stdout)


def built(tree: Tree, words: list[str]) -> tuple[list[tuple[str, str]] | None, str]:
    """The test programs, each with the folder that it is run in; `None` if the tree does not compile."""
    made = tree.cargo("test", "--no-run", "--message-format=json", *words)
    if made.returncode != 0:
        return None, made.stderr[-2000:]
    programs = []
    for line in made.stdout.splitlines():
        told = json.loads(line) if line.startswith("{") else {}
        if told.get("executable") and told.get("profile", {}).get("test"):
            programs.append((told["executable"], str(Path(told["manifest_path"]).parent)))
    return programs, ""


def processor_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run(program: tuple[str, str], seconds_max: float, log: Path) -> tuple[str, float]:
    """Runs a test program: passed, failed, or never ends; and the processor time it took."""
    with open(log, "wb") as out:
        child = subprocess.Popen([program[0]], cwd=program[1], stdout=out, stderr=out, start_new_session=False)
    spent, idle = 0.0, 0
    while True:
        try:
            code = child.wait(timeout=1)
            return ("passed" if code == 0 else "failed"), spent
        except subprocess.TimeoutExpired:
            pass
        try:
            now = processor_seconds(child.pid)
        except (FileNotFoundError, ProcessLookupError):
            continue
        # What waits for its children takes no time itself: only programs without any are judged by that.
        alone = not Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text().strip()
        idle = idle + 1 if now == spent and alone else 0
        spent = now
        if spent > seconds_max or idle > IDLE_TICKS_MAX:
            child.send_signal(signal.SIGKILL)
            child.wait()
            return "never ends", spent


class Tries:
    """Tries mutants, and remembers how long each program takes without one."""

    def __init__(self, tree: Tree, work: Path):
        self.tree, self.work, self.usual = tree, work, {}

    def suite(self, words: list[str], judge: bool = True) -> tuple[str, str]:
        """What came of one `cargo test`: passed, caught, never ends or does not compile; and by which test."""
        programs, why = built(self.tree, words)
        if programs is None:
            return "does not compile", why
        for program in programs:
            name = re.sub(r"-[0-9a-f]{16}$", "", Path(program[0]).name)
            log = self.work / f"{name}.log"
            usual = self.usual.get(name)
            ended, spent = run(program, (10 * usual + 30) if judge and usual is not None else 3600.0, log)
            if not judge:
                self.usual[name] = spent
            if ended != "passed":
                failed = re.findall(r"^test (\S+) \.\.\. FAILED", log.read_text(errors="replace"), re.MULTILINE)
                return ("caught" if ended == "failed" else ended), ", ".join([name, *failed[:3]])
        return "passed", ""

    def baseline(self, suites: list[list[str]]) -> None:
        """Everything passes without a mutant; how long it takes is what mutants are judged by."""
        for words in suites:
            ended, told = self.suite(words, judge=False)
            if ended != "passed":
                sys.exit(f"without any mutant cargo test {' '.join(words)}: {ended} {told}")

    def mutant(self, mutant: dict, suites: list[list[str]]) -> tuple[str, str]:
        """Tries one mutant against one suite after another."""
        self.tree.patch(mutant)
        try:
            for words in suites:
                ended, told = self.suite(words)
                if ended != "passed":
                    return ended, told
            return "missed", ""
        finally:
            self.tree.patch(mutant, back=True)


def report(results: dict[str, dict]) -> None:
    """The counts, and what was missed."""
    by = {}
    for result in results.values():
        by.setdefault(result["outcome"], []).append(result)
    counts = {outcome: len(found) for outcome, found in sorted(by.items())}
    viable = sum(count for outcome, count in counts.items() if outcome != "does not compile")
    caught = sum(counts.get(outcome, 0) for outcome in CAUGHT)
    by_units = sum(1 for result in results.values() if result["outcome"] in CAUGHT and result["stage"] == "unit")
    for result in by.get("missed", []):
        print(f"missed ({result['stage']}): {result['name']}")
    print(f"{len(results)} mutants: {counts}; caught {caught} of {viable} that compile "
          f"({100 * caught / max(viable, 1):.1f} %), {by_units} of them by the crate's own tests")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=220)
    parser.add_argument("--seed", type=int, default=4)
    parser.add_argument("--only", help="of the sample, those with this text in their names")
    parser.add_argument("--all", action="store_true", help="not a sample: all mutants of the files (give --only, and --work)")
    parser.add_argument("--again", choices=["missed"], help="try these once more, with the tests as they are now")
    parser.add_argument("--stage", choices=["unit", "wider", "all"], default="all")
    parser.add_argument("--work", type=Path, default=ROOT / "target" / "mutants")
    parser.add_argument("--report", action="store_true", help="say what came of it so far, and run nothing")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    kept, listed = options.work / "results.jsonl", options.work / "sample.json"

    if not listed.exists():
        everything = mutants()
        drawn = everything if options.all else random.Random(options.seed).sample(everything, options.count)
        listed.write_text(json.dumps({"of": len(everything), "mutants": drawn}, indent=1))
    sample = json.loads(listed.read_text())["mutants"]
    sample = [mutant for mutant in sample if not options.only or options.only in mutant["name"]]
    results = {}
    for line in kept.read_text().splitlines() if kept.exists() else []:
        result = json.loads(line)
        results[result["name"]] = result
    if options.report:
        report(results)
        return

    tree = Tree(options.work)
    tree.renew()
    tries = Tries(tree, options.work)

    def keep(mutant: dict, stage: str, outcome: str, told: str) -> None:
        result = {"name": mutant["name"], "stage": stage, "outcome": outcome, "by": told}
        results[mutant["name"]] = result
        with open(kept, "a") as out:
            out.write(json.dumps(result) + "\n")
        print(f"{time.strftime('%H:%M:%S')} {outcome} ({stage}): {mutant['name']}  {told[:200]}", flush=True)

    def open_ones(stage: str) -> list[dict]:
        def is_open(mutant: dict) -> bool:
            result = results.get(mutant["name"])
            if result is None:
                return stage == "unit"
            again = options.again == "missed" and mutant["name"] in missed_before
            return result["outcome"] == "missed" and (again or result["stage"] == "unit") and (again or stage == "wider")
        return [mutant for mutant in sample if is_open(mutant)]

    missed_before = {name for name, result in results.items() if result["outcome"] == "missed"}
    if options.stage != "wider":
        todo = open_ones("unit")
        tries.baseline([FIRST[package] for package in sorted({mutant["package"] for mutant in todo})])
        for mutant in todo:
            keep(mutant, "unit", *tries.mutant(mutant, [FIRST[mutant["package"]]]))
    if options.stage != "unit":
        todo = open_ones("wider")
        packages = sorted({mutant["package"] for mutant in todo})
        tries.baseline([suite for package in packages for suite in WIDER[package] + MODEL[package]] + (WHOLE if todo else []))
        for mutant in todo:
            package = mutant["package"]
            keep(mutant, "wider", *tries.mutant(mutant, WIDER[package] + WHOLE + MODEL[package]))
    report(results)


if __name__ == "__main__":
    main()
