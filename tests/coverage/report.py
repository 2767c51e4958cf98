#!/usr/bin/env python3
"""Lines and branches that the tests came by, from an lcov file: a row for each crate, and what of recovery was not reached.

Code that only tests use does not count: files of tests, the simulated file system, and modules for tests in other files.

    tests/coverage/report.py target/coverage.lcov [FOLDER ...]
"""
import re
import sys
from collections import defaultdict
from pathlib import Path

CRATES = ["engine", "store", "session", "cli"]
# Folders of which everything that was not reached is named.
NAMED = ["engine/src/recover"]
OF_TESTS = re.compile(r"(^|/)tests?(\.rs$|/)|_tests(\.rs$|/)|^engine/src/fs/sim/|^engine/src/recover/image\.rs$|^engine/src/seeded\.rs$")


def first_test_line(path: Path) -> int:
    """Where a module of tests begins that stands in the file itself; beyond its end if there is none."""
    lines = path.read_text().splitlines()
    for number, line in enumerate(lines, 1):
        if line.strip() == "#[cfg(test)]" and number < len(lines) and re.match(r"mod \w+ \{", lines[number]):
            return number
    return len(lines) + 1


def main() -> None:
    root = Path.cwd()
    lines, branches = defaultdict(dict), defaultdict(dict)
    path = ""
    for told in Path(sys.argv[1]).read_text().splitlines():
        kind, _, rest = told.partition(":")
        if kind == "SF":
            found = re.search(rf"(?:^|/)((?:{'|'.join(CRATES)})/src/.*)$", rest)
            path = found.group(1) if found else ""
            if path and (OF_TESTS.search(path) or not (root / path).exists()):
                path = ""
            end = first_test_line(root / path) if path else 0
        elif path and kind == "DA":
            number, count = (int(word) for word in rest.split(",")[:2])
            if number < end:
                lines[path][number] = lines[path].get(number, 0) + count
        elif path and kind == "BRDA":
            number, block, branch, count = rest.split(",")
            if int(number) < end:
                key = (int(number), block, branch)
                branches[path][key] = branches[path].get(key, 0) + (0 if count == "-" else int(count))

    def row(name: str, paths: list[str]) -> None:
        def share(of: dict) -> str:
            counts = [count for path in paths for count in of[path].values()]
            hit = sum(1 for count in counts if count)
            return f"{hit} of {len(counts)} | {100 * hit / max(len(counts), 1):.1f} %"
        print(f"| {name} | {share(lines)} | {share(branches)} |")

    print("| | lines | | branches | |\n|---|---|---|---|---|")
    for crate in CRATES:
        row(crate, [path for path in lines if path.startswith(f"{crate}/")])
    for folder in NAMED + sys.argv[2:]:
        row(folder, [path for path in lines if path.startswith(folder)])
    row("all", list(lines))
    for folder in NAMED + sys.argv[2:]:
        for path in sorted(path for path in lines if path.startswith(folder)):
            missed = sorted(number for number, count in lines[path].items() if not count)
            sides = sorted({number for (number, _, _), count in branches[path].items() if not count} - set(missed))
            if missed or sides:
                print(f"{path}: lines {missed}, branches in lines {sides}")


if __name__ == "__main__":
    main()
