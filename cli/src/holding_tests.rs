use std::fs::File;
use std::process::{Command, Stdio};

use super::*;

#[test]
fn a_process_that_has_a_removed_file_open_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (gone, kept) = (folder.path().join("gone"), folder.path().join("kept"));
    std::fs::write(&gone, "x").unwrap();
    std::fs::write(&kept, "x").unwrap();
    let mut command = Command::new("sleep");
    command.arg("60").stdin(File::open(&gone).unwrap()).stdout(Stdio::null()).stderr(File::open(&kept).unwrap());
    let mut child = command.spawn().unwrap();
    assert_eq!(holding(folder.path()), []);
    std::fs::remove_file(&gone).unwrap();
    let found = holding(folder.path());
    let wanted = Holding { process: child.id(), program: "sleep".to_owned(), files: 1 };
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(found, [wanted]);
    assert_eq!(holding(folder.path()), []);
}
