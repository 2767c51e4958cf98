# What a contributor runs. `just` alone lists the recipes.

set shell := ["bash", "-euo", "pipefail", "-c"]

[private]
default:
    @just --list --unsorted

# All that a change must pass
check: lint doc test

# Format every file
fmt:
    cargo fmt --all
    cargo fmt --manifest-path fuzz/Cargo.toml

# Formatting and clippy, nothing changed; once as tested, once as shipped (without the simulator)
lint:
    cargo fmt --all --check
    cargo fmt --manifest-path fuzz/Cargo.toml --check
    cargo clippy --workspace --all-targets -- -D warnings
    cargo clippy -p threadlog-cli -- -D warnings

# The README's command
test:
    cargo test --workspace

# Every sequence of up to four steps, of one process and of two, cut off at every call: at least a million states (below three minutes)
crash:
    THREADLOG_CRASH=all THREADLOG_CRASH_STATES=1000000 \
        cargo test --profile proof -p threadlog-tests --test crash -- --nocapture --test-threads=1

# Deleting, forking and importing one thread at once, of three processes in every interleaving that can make a difference
races:
    cargo test --profile proof -p threadlog-tests --test local_store every_interleaving -- --include-ignored --nocapture --test-threads=1

# The group commit under a scheduler that chooses every step
model RUNS="10000":
    THREADLOG_MODEL_RUNS={{ RUNS }} cargo test -p threadlog-tests --features model --test model -- --nocapture

# One deliberate bug after another put into the engine: which test catches it, and after how long
seeded-bugs:
    cargo test -p threadlog-tests --features seeded-bugs --test seeded -- --nocapture

# What a crash state of the simulator and a byte of recovery cost, on a quiet machine
costs:
    cargo test --release -p threadlog-engine --features sim -- --ignored --nocapture crash_state_costs walk_speed

# Random runs against the model for so many minutes, from the first seed on; what breaks is shrunk and told with its seed
soak MINUTES="10" FIRST_SEED="1000000" WHAT="random_runs_break":
    THREADLOG_SECONDS=$(({{ MINUTES }} * 60)) THREADLOG_RUNS=1000000000 THREADLOG_FIRST_SEED={{ FIRST_SEED }} \
        cargo test --release -p threadlog-tests --test random {{ WHAT }} -- --nocapture

# The same for whole stores: many threads, calls at once
soak-store MINUTES="10" FIRST_SEED="1000000":
    just soak {{ MINUTES }} {{ FIRST_SEED }} whole_stores

# The same for several processes that write, each into its journal
soak-writers MINUTES="10" FIRST_SEED="1000000":
    just soak {{ MINUTES }} {{ FIRST_SEED }} several_writers

# The random run of one seed again; WHAT as in `just soak`
replay SEED WHAT="random_runs_break":
    THREADLOG_SEED={{ SEED }} cargo test -p threadlog-tests --test random {{ WHAT }} -- --nocapture

# A process that writes is killed so many times at random moments (the seed's); a witness knows what it was told
kill-soak ROUNDS="600" SEED="1":
    THREADLOG_KILL_ROUNDS={{ ROUNDS }} THREADLOG_KILL_SEED={{ SEED }} \
        cargo test -p threadlog-tests --test kill_soak a_killed -- --nocapture

# Processes that write one store at the same time, on the real disk, killed at random moments (10 minutes)
processes PROCESSES="50" TASKS="50" SECONDS="600" SEED="1":
    THREADLOG_PROCESSES={{ PROCESSES }} THREADLOG_TASKS={{ TASKS }} THREADLOG_PROCESS_SECONDS={{ SECONDS }} \
        THREADLOG_PROCESS_SEED={{ SEED }} THREADLOG_TAKEOVERS=50 \
        cargo test --release -p threadlog-tests --test processes -- --nocapture --test-threads=1

# A small real file system that is full, in every phase of a store's life (needs root, loop devices, e2fsprogs)
full-disk:
    cargo test -p threadlog-tests --test full_disk -- --ignored --nocapture

# Power cuts of a real ext4 on a device whose writes and flushes are watched (needs root, FUSE, loop devices, e2fsprogs)
power-cut CUTS="300" SEED="1":
    THREADLOG_POWER_CUTS={{ CUTS }} THREADLOG_POWER_SEED={{ SEED }} \
        cargo test -p threadlog-tests --features power-cut,seeded-bugs --test power_cut -- \
        --ignored --nocapture --test-threads=1

# The crates' documentation, into target/doc
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# Benchmarks; arguments go to criterion
bench *ARGS:
    cargo bench -p threadlog-benches {{ ARGS }}

# All tables of docs/performance.md, measured now (about 12 minutes; --quick for a look, --json for programs)
figures *ARGS:
    cargo run --release -p threadlog-benches --bin figures -- {{ ARGS }}

# What eight other processes on the store cost a writer, and how soon a killed one's thread goes on
neighbours:
    cargo run --release -p threadlog-benches --bin neighbours

# What opening a journal costs after a clean end and after a death
openings:
    cargo run --release -p threadlog-benches --bin openings

# What a fork costs, and what a chain of a thousand forks costs to read
forks:
    cargo run --release -p threadlog-benches --bin forks

# How long a store of real rollout files is, compacted and archived, beside `zstd -19` of each file; exported and compared
sealed-corpus:
    cargo run --release -p threadlog-benches --bin sealed -- corpus

# The catalog of 100 000 threads: opening, lists, rebuilding (about 4 minutes; --threads N --items M for another size)
catalog *ARGUMENTS:
    cargo build --release -p threadlog-cli
    cargo run --release -p threadlog-benches --bin catalog -- {{ ARGUMENTS }}

# What is sealed: the corpus, loads, the end of a long thread, import, export, sealing, merging, appends beside the worker, repeated images (about 6 minutes; parts by name; --quick for a look)
sealed *PARTS:
    cargo run --release -p threadlog-benches --bin sealed -- {{ PARTS }}

# What searching real files and so many megabytes of generated ones costs, beside a plain scan of the files, and whether both find the same (10 GB: 10000, some 20 minutes and 3 GB of disk)
search MEGABYTES="200" *ARGS:
    cargo run --release -p threadlog-benches --bin search -- --megabytes {{ MEGABYTES }} {{ ARGS }}

# An import killed so many times at random moments (the seed's; 269 MB of files), run again, exported, compared
kill-import KILLS="10" SEED="1" THREADS="600":
    THREADLOG_KILLS={{ KILLS }} THREADLOG_KILL_SEED={{ SEED }} THREADLOG_KILL_THREADS={{ THREADS }} \
        cargo test --release -p threadlog-cli --test kill_import -- --nocapture

# A conversation with the example agent, killed so many times at random moments (the seed's) and resumed each time
kill-run KILLS="50" SEED="1":
    THREADLOG_RUN_KILLS={{ KILLS }} THREADLOG_RUN_KILL_SEED={{ SEED }} \
        cargo test --release -p threadlog-cli --test kill_run -- --nocapture

# Hundreds of running threads over a disk that fails, so many rounds from a seed on: in the order of the seed, and at once
running ROUNDS="20" SEED="1" THREADS="200":
    THREADLOG_RUNNING_ROUNDS={{ ROUNDS }} THREADLOG_RUNNING_SEED={{ SEED }} THREADLOG_RUNNING={{ THREADS }} \
        cargo test --release -p threadlog-tests --test running -- --nocapture --test-threads=1

# System calls of a lone writer, of 64, and of SQLite, in steady state (needs strace)
strace APPENDS="5000":
    cargo build --release -p threadlog-benches --bin figures
    for who in lone crowd sqlite; do \
        strace -c -f -e trace=fdatasync,fsync,pwrite64 target/release/figures steady $who {{ APPENDS }}; \
    done

# Every fuzz target, built (needs nightly and cargo-fuzz)
fuzz-build:
    cd fuzz && cargo +nightly fuzz build --sanitizer none

# Every fuzz target for so many seconds each; what is found new goes to fuzz/corpus
fuzz SECONDS="60": fuzz-build
    #!/usr/bin/env bash
    set -euo pipefail
    cd fuzz
    targets=$(cargo +nightly fuzz list)
    for target in $targets; do
        mkdir -p "corpus/$target"
        cargo +nightly fuzz run --sanitizer none "$target" "corpus/$target" "seeds/$target" \
            -- -max_total_time={{ SECONDS }} -rss_limit_mb=1024 -timeout=20 -print_final_stats=0
    done

# Every fuzz target in slices until each has had so much processor time; goes on where it was (also at the lowest priority)
fuzz-long CPU_SECONDS="1800" SLICE="300": fuzz-build
    fuzz/long.py --seconds {{ CPU_SECONDS }} --slice {{ SLICE }}

# The seeds of the fuzz targets, made anew by the code that writes the files
fuzz-seeds:
    cd fuzz && cargo run --example seeds

# Lines and branches that the tests come by (needs nightly, cargo-llvm-cov, and LLVM's tools: LLVM_COV and LLVM_PROFDATA name them)
cover:
    cargo +nightly llvm-cov --workspace --branch --no-report
    cargo +nightly llvm-cov report --lcov --output-path target/coverage.lcov
    tests/coverage/report.py target/coverage.lcov

# A sample of mutants by a seed, each tried against the tests (needs cargo-mutants); goes on where it was
mutants COUNT="220" SEED="4" *ARGS:
    tests/mutants/run.py --count {{ COUNT }} --seed {{ SEED }} {{ ARGS }}

# Licences, sources, duplicates and known vulnerabilities (needs cargo-deny and, for the last, a network)
deny:
    cargo deny check
