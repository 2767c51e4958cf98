#!/usr/bin/env python3
"""Mutation testing by sample: mutants drawn by a seed, each tried against the tests.

cargo-mutants says which mutants there are (`cargo install --locked cargo-mutants`). All of the sample are put into one copy of
the tree, each behind a switch (weave.rs beside this file), so that one build serves them all; the few that
cannot be switched get builds of their own. Each is tried first against the unit tests of its crate; what these do not
catch meets the wider suites. What came of each is a line of results.jsonl: a run that was cut short goes on
where it was, and `--again` tries once more what nothing caught.

A test that takes far more processor time than without a mutant, or none at all for long, counts as one that never ends.
Time on the clock says nothing beside other work.

    tests/mutants/run.py [--count 220] [--seed 4] [--only TEXT] [--again] [--work target/mutants]
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

# What the sample is drawn from: framing, recovery, group commit, opening; folds, metadata, the queue of live threads.
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
# Files that only tests use.
NOT = ["engine/src/recover/image.rs"]
PACKAGES = ["threadlog-engine", "threadlog"]
# Arguments of `cargo test`: a crate's own tests, then the suites that a survivor meets, one after another.
FIRST = {package: [["-p", package, "--lib"]] for package in PACKAGES}
SUITES = ["contract", "local_store", "fail_stop", "crash", "damage", "random", "faults", "kill_soak"]
WHOLE = [["-p", "threadlog-tests", "--test", suite] for suite in SUITES]
MODEL = [["-p", "threadlog-tests", "--features", "model", "--test", "model"]]
WIDER = {"threadlog-engine": [["-p", "threadlog", "--lib"], *WHOLE, *MODEL], "threadlog": WHOLE}

CAUGHT = ("caught", "never ends")
# Looks, one second apart, at a program that takes no processor time before it is held to hang.
IDLE_LOOKS_MAX = 120


class Tree:
    """A copy of the repository that mutants are put into."""

    def __init__(self, work: Path):
        self.path, self.target = work / "tree", work / "target"

    def renew(self) -> None:
        """Brings the copy up to what the repository has; unchanged files keep their times, so little is built again."""
        self.path.mkdir(parents=True, exist_ok=True)
        listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, check=True,
                                capture_output=True)
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

    def patch(self, mutant: dict) -> None:
        """Puts one mutant in."""
        words = ["patch", "--quiet", "--no-backup-if-mismatch", mutant["file"]]
        subprocess.run(words, cwd=self.path, input=mutant["diff"], text=True, check=True)

    def weave(self, mutants: list[dict]) -> list[dict]:
        """Puts in all mutants that can be switched; gives those that are in."""
        left_out: set[int] = set()
        while True:
            self.renew()
            chosen = [mutant for mutant in mutants if mutant["number"] not in left_out]
            words = ["cargo", "run", "--quiet", "-p", "threadlog-tests", "--features", "mutants", "--bin", "weave", "--"]
            woven = subprocess.run([*words, str(self.path)], cwd=ROOT, input=json.dumps(chosen), text=True, check=True,
                                   stdout=subprocess.PIPE)
            left_out |= set(json.loads(woven.stdout))
            packages = [word for package in PACKAGES for word in ("-p", package)]
            checked = self.cargo("check", "--keep-going", "--message-format=json", *packages)
            if checked.returncode == 0:
                return [mutant for mutant in mutants if mutant["number"] not in left_out]
            guilty = self.guilty(checked.stdout)
            if not guilty - left_out:
                sys.exit(f"the tree with all mutants does not compile:\n{checked.stderr[-3000:]}")
            left_out |= guilty
            print(f"{len(left_out)} mutants cannot be switched", flush=True)

    def guilty(self, told: str) -> set[int]:
        """The mutants in whose texts the compiler found errors."""
        guilty = set()
        for line in told.splitlines():
            message = (json.loads(line) if line.startswith("{") else {}).get("message") or {}
            if not isinstance(message, dict) or message.get("level") != "error":
                continue
            for span in [*message["spans"], *(span for child in message["children"] for span in child["spans"])]:
                path = self.path / span["file_name"]
                if not path.is_file():
                    continue
                open_one = None
                for number, text in enumerate(path.read_text().splitlines(), 1):
                    marks = [int(mark) for mark in re.findall(r"/\*m(\d+)\*/", text)]
                    open_one = marks[0] if marks and open_one is None else open_one
                    if open_one is not None and span["line_start"] <= number <= span["line_end"]:
                        guilty.add(open_one)
                    if marks and (len(marks) > 1 or text.rstrip().endswith("*/") and not text.startswith("/*m")):
                        open_one = None
        return guilty


def all_mutants() -> list[dict]:
    """All mutants of the files, in the tool's order."""
    files = [word for pattern in FILES for word in ("-f", pattern)] + [word for path in NOT for word in ("-e", path)]
    words = ["cargo", "mutants", "--list", "--json", "--diff", *files]
    return json.loads(subprocess.run(words, cwd=ROOT, check=True, capture_output=True).stdout)


def processor_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run(program: tuple[str, str], number: int, seconds_max: float, log: Path) -> tuple[str, float]:
    """Runs a test program: passed, failed, or never ends; and the processor time it took."""
    env = {**os.environ, "THREADLOG_MUTANT": str(number), "RUST_BACKTRACE": "0"}
    with open(log, "wb") as out:
        child = subprocess.Popen([program[0]], cwd=program[1], stdout=out, stderr=out, env=env)
    spent, idle = 0.0, 0
    while True:
        try:
            code = child.wait(timeout=0.2 if spent == 0 else 1)
            return ("passed" if code == 0 else "failed"), spent
        except subprocess.TimeoutExpired:
            pass
        try:
            now = processor_seconds(child.pid)
            # What waits for its children takes no time itself: only programs without any are judged by that.
            alone = not Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text().strip()
        except (FileNotFoundError, ProcessLookupError):
            continue
        idle = idle + 1 if now == spent and alone else 0
        spent = now
        if spent > seconds_max or idle > IDLE_LOOKS_MAX:
            child.send_signal(signal.SIGKILL)
            child.wait()
            return "never ends", spent


class Tries:
    """Tries mutants, and remembers how long each program takes without one."""

    def __init__(self, tree: Tree, work: Path):
        self.tree, self.work, self.usual, self.programs = tree, work, {}, {}

    def built(self, words: list[str], anew: bool) -> tuple[list[tuple[str, str]] | None, str]:
        """The test programs, each with the folder that it is run in; `None` if the tree does not compile."""
        if not anew and tuple(words) in self.programs:
            return self.programs[tuple(words)], ""
        made = self.tree.cargo("test", "--no-run", "--message-format=json", *words)
        if made.returncode != 0:
            return None, made.stderr[-2000:]
        programs = []
        for line in made.stdout.splitlines():
            told = json.loads(line) if line.startswith("{") else {}
            if told.get("executable") and told.get("profile", {}).get("test"):
                programs.append((told["executable"], str(Path(told["manifest_path"]).parent)))
        self.programs[tuple(words)] = programs
        return programs, ""

    def suite(self, words: list[str], number: int, anew: bool = False) -> tuple[str, str]:
        """What came of one `cargo test`: passed, caught, never ends or does not compile; and by which test."""
        programs, why = self.built(words, anew)
        if programs is None:
            return "does not compile", why.strip().splitlines()[-1] if why.strip() else ""
        for program in programs:
            name = re.sub(r"-[0-9a-f]{16}$", "", Path(program[0]).name)
            log = self.work / f"{name}.log"
            usual = self.usual.get(name)
            ended, spent = run(program, number, 3600.0 if usual is None else 10 * usual + 30, log)
            if usual is None:
                self.usual[name] = spent
            if ended != "passed":
                failed = re.findall(r"^test (\S+) \.\.\. FAILED", log.read_text(errors="replace"), re.MULTILINE)
                return ("caught" if ended == "failed" else ended), ", ".join([name, *failed[:3]])
        return "passed", ""

    def mutant(self, mutant: dict, suites: list[list[str]], switched: bool) -> tuple[str, str]:
        """Tries one mutant against one suite after another."""
        if not switched:
            self.tree.renew()
            self.tree.patch(mutant)
        for words in suites:
            name = tuple(words)
            if switched and name not in self.programs:
                ended, told = self.suite(words, 0)
                if ended != "passed":
                    sys.exit(f"without any mutant cargo test {' '.join(words)}: {ended} {told}")
            ended, told = self.suite(words, mutant["number"], anew=not switched)
            if ended != "passed":
                return ended, told
        return "missed", ""


def report(results: dict[str, dict]) -> None:
    """The counts, and what was missed."""
    by: dict[str, list[dict]] = {}
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
    parser.add_argument("--all", action="store_true", help="not a sample, but all mutants of the files")
    parser.add_argument("--only", default="", help="of these, the ones with this text in their names")
    parser.add_argument("--again", action="store_true", help="try once more what was missed, with the tests as they are now")
    parser.add_argument("--stage", choices=["unit", "wider", "all"], default="all")
    parser.add_argument("--work", type=Path, default=ROOT / "target" / "mutants")
    parser.add_argument("--report", action="store_true", help="say what came of it so far, and run nothing")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    kept = options.work / "results.jsonl"

    everything = all_mutants()
    sample = everything if options.all else random.Random(options.seed).sample(everything, options.count)
    sample = [{**mutant, "number": number} for number, mutant in enumerate(sample, 1) if options.only in mutant["name"]]
    names = {mutant["name"] for mutant in sample}
    results = {}
    for line in kept.read_text().splitlines() if kept.exists() else []:
        result = json.loads(line)
        if result["name"] in names:
            results[result["name"]] = result
    print(f"{len(sample)} mutants of {len(everything)}, {len(results)} of them tried before", flush=True)
    if options.report:
        report(results)
        return
    if options.again:
        results = {name: result for name, result in results.items() if result["outcome"] != "missed"}

    stages = {"unit": ["unit"], "wider": ["wider"], "all": ["unit", "wider"]}[options.stage]
    tree = Tree(options.work)
    tries = Tries(tree, options.work)

    def is_open(mutant: dict, stage: str) -> bool:
        result = results.get(mutant["name"])
        if stage == "unit":
            return result is None
        return result is not None and (result["outcome"], result["stage"]) == ("missed", "unit")

    def work(mutants: list[dict], switched: bool) -> None:
        for stage in stages:
            for mutant in [mutant for mutant in mutants if is_open(mutant, stage)]:
                suites = (FIRST if stage == "unit" else WIDER)[mutant["package"]]
                outcome, told = tries.mutant(mutant, suites, switched)
                result = {"name": mutant["name"], "stage": stage, "outcome": outcome, "by": told}
                results[mutant["name"]] = result
                with open(kept, "a") as out:
                    out.write(json.dumps(result) + "\n")
                print(f"{time.strftime('%H:%M:%S')} {outcome} ({stage}): {mutant['name']}  {told[:160]}", flush=True)

    todo = [mutant for mutant in sample if any(is_open(mutant, stage) for stage in stages)]
    if todo:
        woven = tree.weave(todo)
        numbers = {mutant["number"] for mutant in woven}
        work(woven, True)
        # The times that programs usually take are known by now.
        work([mutant for mutant in todo if mutant["number"] not in numbers], False)
    report(results)


if __name__ == "__main__":
    main()
