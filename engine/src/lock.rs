//! Who holds a journal: the note in its LOCK file.

use std::fmt;

/// Who holds a lock, as they wrote it down for people. Advisory: the lock itself is the kernel's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    /// Process id; 0 if unknown.
    pub pid: u32,
    /// Host name.
    pub host: String,
    /// Which program, as it named itself in the configuration.
    pub client: String,
    /// Since when, milliseconds since 1970 (UTC).
    pub since_ms: u64,
    /// The boot of the machine, 32 hex digits.
    pub boot: String,
}

impl Owner {
    /// The LOCK file's text: one `key value` line for each field, newlines in values replaced by spaces.
    #[must_use]
    pub fn to_text(&self) -> String {
        let clean = |text: &str| text.replace(['\n', '\r'], " ");
        format!(
            "pid {}\nhost {}\nclient {}\nsince_ms {}\nboot {}\n",
            self.pid,
            clean(&self.host),
            clean(&self.client),
            self.since_ms,
            clean(&self.boot)
        )
    }

    /// Reads the text back; what is missing or damaged stays at its default.
    #[must_use]
    pub fn from_text(text: &str) -> Owner {
        let mut owner = Owner::default();
        for line in text.lines() {
            let Some((key, value)) = line.split_once(' ') else { continue };
            match key {
                "pid" => owner.pid = value.parse().unwrap_or(0),
                "host" => owner.host = value.to_owned(),
                "client" => owner.client = value.to_owned(),
                "since_ms" => owner.since_ms = value.parse().unwrap_or(0),
                "boot" => owner.boot = value.to_owned(),
                _ => {}
            }
        }
        owner
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.pid == 0 {
            return f.write_str("another process (it left no readable name)");
        }
        write!(f, "process {} ({}) on {}, since {} ms after 1970", self.pid, self.client, self.host, self.since_ms)
    }
}
