//! Somebody at a terminal: a pseudo-terminal that the binary runs on.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::process::Command;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// Runs a command with standard input and standard error on a terminal, and standard output too, whose user types `answer`
/// once a question is asked. Gives the exit code and all that the terminal showed.
pub fn answered(command: &mut Command, answer: &str) -> (i32, String) {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&ours).expect("a terminal of our own");
    unlockpt(&ours).expect("an open terminal");
    let name = ptsname(&ours, Vec::new()).expect("its name");
    let theirs = || {
        let path = std::path::Path::new(std::ffi::OsStr::from_bytes(name.as_bytes()));
        File::options().read(true).write(true).open(path).expect("its other side")
    };
    let mut child = command.stdin(theirs()).stdout(theirs()).stderr(theirs()).spawn().expect("the binary runs");
    // Ours would keep the terminal from ending.
    command.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    let mut terminal = File::from(ours);
    let (mut shown, mut asked, mut bytes) = (Vec::new(), false, [0; 4096]);
    // The end of a terminal whose other side is closed is an error.
    while let Ok(count @ 1..) = terminal.read(&mut bytes) {
        shown.extend_from_slice(&bytes[..count]);
        if !asked && String::from_utf8_lossy(&shown).contains("[y/N]") {
            asked = true;
            terminal.write_all(answer.as_bytes()).expect("somebody listens");
        }
    }
    let code = child.wait().expect("it ends").code().expect("an exit code, not a signal");
    (code, String::from_utf8_lossy(&shown).into_owned())
}
