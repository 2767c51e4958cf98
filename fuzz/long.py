#!/usr/bin/env python3
"""Runs every fuzz target in slices, in turn, until each has had so many seconds of processor time.

What counts is processor time, not time on the clock: so this may run at the lowest priority beside other work, and be held
for a while. The times stand in a file, so that a run that was cut short goes on where it was. A finding ends the run
and is named.

    fuzz/long.py [--seconds 1800] [--slice 300] [--at-once 1] [--state fuzz/target/long.json] [--only TARGET]...
"""
import argparse
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

FUZZ = Path(__file__).resolve().parent


def binaries() -> Path:
    """Where `cargo fuzz build --sanitizer none` puts the targets."""
    host = subprocess.run(["rustc", "-vV"], check=True, capture_output=True, text=True).stdout
    return FUZZ / "target" / re.search(r"host: (\S+)", host).group(1) / "release"


# What libFuzzer ends with when it is told to stop.
INTERRUPTED = 72
# On the clock, for one input: so much that nothing but an endless loop takes it, also beside other work.
TIMEOUT = 900


def processor_seconds(pid: int) -> float:
    """User time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) / os.sysconf("SC_CLK_TCK")


def run_slice(target: str, seconds: int, folder: Path) -> tuple[float, int, int, str]:
    """One slice: processor seconds, runs, exit code (0 if it was stopped for time), the last lines told."""
    corpus, artifacts, log = FUZZ / "corpus" / target, FUZZ / "artifacts" / target, folder / f"{target}.log"
    for path in (corpus, artifacts, folder):
        path.mkdir(parents=True, exist_ok=True)
    command = [str(binaries() / target), str(corpus), str(FUZZ / "seeds" / target), f"-artifact_prefix={artifacts}/",
               "-rss_limit_mb=1024", f"-timeout={TIMEOUT}", "-print_final_stats=1"]
    with open(log, "wb") as out:
        child = subprocess.Popen(command, stdout=out, stderr=out, cwd=FUZZ)
        while True:
            pid, status, usage = os.wait4(child.pid, os.WNOHANG)
            if pid:
                break
            if processor_seconds(child.pid) >= seconds:
                child.send_signal(signal.SIGINT)
            time.sleep(2)
    code = os.waitstatus_to_exitcode(status)
    child.returncode = code
    text = log.read_text(errors="replace")
    runs = re.search(r"stat::number_of_executed_units: *(\d+)", text)
    return usage.ru_utime, int(runs.group(1)) if runs else 0, 0 if code == INTERRUPTED else code, text[-2000:]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=1800, help="processor time for each target, in user mode")
    parser.add_argument("--slice", type=int, default=300, help="processor time of one slice")
    parser.add_argument("--at-once", type=int, default=1, help="targets that run at the same time")
    parser.add_argument("--state", type=Path, default=FUZZ / "target" / "long.json")
    parser.add_argument("--only", action="append", help="this target, and no other that is not named too")
    options = parser.parse_args()

    named = re.findall(r'^name = "(\w+)"\npath = "targets', (FUZZ / "Cargo.toml").read_text(), re.MULTILINE)
    targets = [target for target in named if not options.only or target in options.only]
    state = json.loads(options.state.read_text()) if options.state.exists() else {}
    for target in targets:
        state.setdefault(target, {"cpu_seconds": 0.0, "runs": 0, "slices": 0})
    lock, busy, found = threading.Lock(), set(), []

    def next_target() -> str | None:
        left = [t for t in targets if t not in busy and state[t]["cpu_seconds"] < options.seconds]
        return min(left, key=lambda target: state[target]["cpu_seconds"], default=None)

    def work() -> None:
        while True:
            with lock:
                target = None if found else next_target()
                if target is None:
                    return
                busy.add(target)
            cpu, runs, code, tail = run_slice(target, options.slice, options.state.parent / "long-logs")
            with lock:
                busy.discard(target)
                told = state[target]
                told["cpu_seconds"], told["runs"], told["slices"] = told["cpu_seconds"] + cpu, told["runs"] + runs, told["slices"] + 1
                options.state.write_text(json.dumps(state, indent=1) + "\n")
                print(f"{time.strftime('%H:%M:%S')} {target}: {cpu:.0f} s more, "
                      f"{told['cpu_seconds']:.0f} s and {told['runs']} runs in all", flush=True)
                if code != 0:
                    found.append(target)
                    print(f"{target} ended with {code}:\n{tail}", flush=True)

    workers = [threading.Thread(target=work) for _ in range(options.at_once)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for target in targets:
        print(f"{target:12} {state[target]['cpu_seconds']:8.0f} s {state[target]['runs']:14} runs")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
