//! A project somebody works on: its place, its names, its files.

use crate::names::{Dialect, Names};
use crate::random::{Random, mix};
use crate::text::Writer;
use crate::words::{ENGLISH, Voice};

/// Files a project has.
pub(crate) const FILES: u32 = 140;

/// One project; the same number gives the same project in every thread.
#[derive(Debug)]
pub(crate) struct Project {
    /// The source of its files' texts.
    pub(crate) seed: u64,
    pub(crate) voice: Voice,
    pub(crate) dialect: Dialect,
    pub(crate) names: Names,
    pub(crate) folder: String,
    /// Its owner's machine runs Windows.
    pub(crate) windows: bool,
    /// None: a folder without a repository.
    pub(crate) repository: Option<String>,
    pub(crate) branch: String,
    /// The instructions for agents that lie in the project.
    pub(crate) guide: String,
    /// The time zone of its owner's machine.
    pub(crate) zone: &'static str,
}

impl Project {
    /// Project `number` of the plan with `seed`.
    pub(crate) fn new(seed: u64, number: u32, voice: Voice) -> Project {
        let mut random = Random::new(seed, &[3, u64::from(number)]);
        let dialect = match random.below(10) {
            0..=2 => Dialect::Rust,
            3..=5 => Dialect::Python,
            _ => Dialect::TypeScript,
        };
        let names = Names::new(&mut random, dialect, FILES);
        let name = format!("{}-{}", random.pick(ENGLISH.adjectives), random.pick(ENGLISH.nouns)).replace(' ', "-");
        let windows = random.chance(if voice == Voice::Chinese { 700 } else { 100 });
        let folder = match (windows, random.below(3)) {
            (true, 0) => format!("D:\\work\\{name}"),
            (true, _) => format!("C:\\Users\\dev\\projects\\{name}"),
            (false, 0) => format!("/Users/sam/src/{name}"),
            (false, _) => format!("/home/dev/{name}"),
        };
        let (_, zone) = clock_zone(seed, number, voice);
        let repository =
            random.chance(900).then(|| format!("https://git.example.com/{}/{name}.git", random.pick(ENGLISH.nouns)));
        let branch = if random.chance(700) {
            "main".to_owned()
        } else {
            format!(
                "{}/{}-{}",
                random.pick(&["feature", "fix", "wip"]),
                random.pick(&names.verbs),
                random.pick(&names.nouns)
            )
        };
        let mut guide = String::new();
        Writer { voice, names: &names }.document(&mut guide, &mut random, 2_300);
        Project { seed: random.bits(), voice, dialect, names, folder, windows, repository, branch, guide, zone }
    }

    /// `path` inside the project as its machine writes it.
    pub(crate) fn local(&self, path: &str) -> String {
        if self.windows { path.replace('/', "\\") } else { path.to_owned() }
    }

    /// `path` from the root of its machine.
    pub(crate) fn absolute(&self, path: &str) -> String {
        if self.windows {
            format!("{}\\{}", self.folder, path.replace('/', "\\"))
        } else {
            format!("{}/{path}", self.folder)
        }
    }
}

/// The time zone of the owner of project `number`: minutes ahead of UTC, and its name.
pub(crate) fn clock_zone(seed: u64, number: u32, voice: Voice) -> (i32, &'static str) {
    match voice {
        Voice::Chinese => (480, "Asia/Shanghai"),
        Voice::French => (60, "Europe/Paris"),
        Voice::English => match mix(seed ^ mix(u64::from(number))) % 3 {
            0 => (-420, "America/Los_Angeles"),
            1 => (60, "Europe/Berlin"),
            _ => (330, "Asia/Kolkata"),
        },
    }
}
