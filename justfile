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

# Formatting and clippy, nothing changed; once as tested, once as shipped (without the simulator)
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    cargo clippy -p threadlog-cli -- -D warnings

# The README's command
test:
    cargo test --workspace

# The crates' documentation, into target/doc
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# Benchmarks; arguments go to criterion
bench *ARGS:
    cargo bench -p threadlog-benches {{ ARGS }}

# Every fuzz target for so many seconds each (needs nightly and cargo-fuzz)
fuzz SECONDS="60":
    for target in $(cargo +nightly fuzz list); do \
        cargo +nightly fuzz run "$target" -- -max_total_time={{ SECONDS }}; \
    done

# Licences, sources, duplicates and known vulnerabilities (needs cargo-deny and, for the last, a network)
deny:
    cargo deny check
