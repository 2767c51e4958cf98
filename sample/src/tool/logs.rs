//! Test runs, builds, data, and commands that say little.

use std::fmt::Write as _;

use super::Run;
use crate::desk::Desk;
use crate::names::Dialect;
use crate::project::Project;
use crate::random::{Random, size};
use crate::words::ENGLISH;

/// A command with at most a line or two of output.
pub(super) fn brief(run: &mut Run, project: &Project, desk: &mut Desk, random: &mut Random) {
    let file = desk.take(project, random);
    let path = project.local(&file.path);
    let _ = match random.below(7) {
        0 => write!(run.command, "git status --short").and_then(|()| writeln!(run.output, " M {path}")),
        1 => write!(run.command, "wc -l {path}")
            .and_then(|()| writeln!(run.output, "{} {path}", file.text.matches('\n').count())),
        2 => write!(
            run.command,
            "git add {path} && git commit -q -m \"{} {}\"",
            random.pick(ENGLISH.verbs),
            random.pick(ENGLISH.nouns)
        ),
        3 => write!(run.command, "git rev-parse --short HEAD")
            .and_then(|()| writeln!(run.output, "{:07x}", random.bits() >> 36)),
        4 => {
            run.exit = 1;
            write!(
                run.command,
                "rg -n \"{}_{}\" {path}",
                random.pick(&project.names.verbs),
                random.pick(&project.names.nouns)
            )
        }
        5 => {
            run.exit = 2;
            write!(run.command, "cat {path}.bak")
                .and_then(|()| writeln!(run.output, "cat: {path}.bak: No such file or directory"))
        }
        _ => write!(run.command, "ls {path}").and_then(|()| writeln!(run.output, "{path}")),
    };
}

/// A run of the project's tests.
pub(super) fn tests(run: &mut Run, project: &Project, random: &mut Random, bytes: u32) {
    let end = size(bytes);
    run.command.push_str(match project.dialect {
        Dialect::Rust => "cargo test --workspace",
        Dialect::Python => "python -m pytest -v",
        Dialect::TypeScript => "npx vitest run --reporter=verbose",
    });
    let mut count = 0_u32;
    let mut failed = 0_u32;
    while run.output.len() < end {
        let failure = random.chance(12);
        count += 1;
        failed += u32::from(failure);
        let path = project.names.path(random);
        let mut name = String::new();
        project.names.function(&mut name, random);
        let adjective = random.pick(ENGLISH.adjectives);
        let _ = match project.dialect {
            Dialect::Rust => writeln!(
                run.output,
                "test {}::{name}_{adjective} ... {}",
                path.replace('/', "::"),
                if failure { "FAILED" } else { "ok" }
            ),
            Dialect::Python => writeln!(
                run.output,
                "{path}::test_{name}_{adjective} {} [{:3}%]",
                if failure { "FAILED" } else { "PASSED" },
                run.output.len() * 100 / end
            ),
            Dialect::TypeScript => writeln!(
                run.output,
                " {} {path} > {name} > {adjective} {}ms",
                if failure { "×" } else { "✓" },
                random.below(900)
            ),
        };
        if failure {
            run.exit = 1;
            let _ = writeln!(
                run.output,
                "    assertion failed at {path}:{}: expected {}, found {:#x}",
                random.between(10, 900),
                random.below(100),
                random.below(9999)
            );
        }
    }
    let _ = writeln!(
        run.output,
        "\n{} passed, {failed} failed, finished in {}.{:02}s",
        count - failed,
        random.below(90),
        random.below(100)
    );
}

/// A build or an installation, line by line.
pub(super) fn build(run: &mut Run, project: &Project, random: &mut Random, bytes: u32) {
    run.command.push_str(match project.dialect {
        Dialect::Rust => "cargo build --release",
        Dialect::Python => "pip install -r requirements.txt",
        Dialect::TypeScript => "npm run build",
    });
    let end = size(bytes);
    let (mut minute, mut ms) = (random.below(60), 0);
    while run.output.len() < end {
        let package = random.pick_early(ENGLISH.nouns);
        let other = random.pick(ENGLISH.nouns);
        let (major, minor, patch) = (random.below(6), random.below(30), random.below(20));
        let _ = match random.below(5) {
            0 => writeln!(run.output, "   Compiling {package}-{other} v{major}.{minor}.{patch}"),
            1 => writeln!(
                run.output,
                "warning: {} {} in {}",
                random.pick(ENGLISH.adjectives),
                package,
                project.names.path(random)
            ),
            2 => writeln!(
                run.output,
                "[{minute:02}:{:02}.{:03}] INFO {package}: {} {other} id={:08x} took={}ms",
                ms / 1000 % 60,
                ms % 1000,
                random.pick(ENGLISH.verbs),
                random.bits() >> 32,
                random.below(5000)
            ),
            3 => writeln!(
                run.output,
                "dist/assets/{package}-{:08x}.js   {}.{:02} kB │ gzip: {}.{:02} kB",
                random.bits() >> 32,
                random.below(400),
                random.below(100),
                random.below(99),
                random.below(100)
            ),
            _ => writeln!(
                run.output,
                "Downloading {package}_{other}-{major}.{minor}.{patch}-py3-none-any.whl ({} kB)",
                random.between(4, 4000)
            ),
        };
        ms += random.below(900);
        minute = (minute + ms / 60_000) % 60;
        ms %= 60_000;
    }
}

/// Data as a query or a service returns it.
pub(super) fn records(run: &mut Run, project: &Project, random: &mut Random, bytes: u32) {
    let table = random.pick(&project.names.nouns);
    let columns: Vec<&'static str> = (0..random.between(3, 7)).map(|_| random.pick(&project.names.nouns)).collect();
    let end = size(bytes);
    let lines = random.chance(500);
    let _ = match lines {
        true => write!(run.command, "sqlite3 data/app.db \"select * from {table}\""),
        false => write!(run.command, "curl -s http://localhost:{}/api/{table}", random.between(3000, 9000)),
    };
    while run.output.len() < end {
        let _ = write!(run.output, "{}{:016x}", if lines { "" } else { "{\"id\":\"" }, random.bits());
        if !lines {
            run.output.push('"');
        }
        for column in &columns {
            let _ = match (lines, random.below(2)) {
                (true, 0) => write!(run.output, "|{}", random.below(100_000)),
                (true, _) => write!(run.output, "|{}", random.pick(ENGLISH.nouns)),
                (false, 0) => write!(run.output, ",\"{column}\":{}", random.below(100_000)),
                (false, _) => write!(run.output, ",\"{column}\":\"{}\"", random.pick(ENGLISH.nouns)),
            };
        }
        run.output.push_str(if lines { "\n" } else { "}\n" });
    }
}
