//! Which file systems are trusted, and the numbers of the machine.
#![cfg(target_os = "linux")]

use super::linux::{Mount, judge, mount_of};
use super::*;

const KINDS: &str = "nodev\tsysfs\nnodev\ttmpfs\n\text4\nnodev\tnewnet\n\tnewdisk\n\tfuseblk\nnodev\tfuse\n";

const MOUNTS: &str = "\
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/root rw,discard
30 27 0:40 / /home/a rw,nosuid shared:2 master:3 - fuse.sshfs host:/ rw,user_id=0
31 27 0:41 / /mnt/c rw,noatime - 9p C:\\134 rw,dirsync,aname=drvfs;path=C:\\;uid=1000,trans=fd
32 27 0:40 / /over rw - fuse.mergerfs a:b rw
broken
33 27 8:1 / /x rw - ";

fn doubtful(name: &str) -> Trust {
    Trust::Doubtful(name.to_owned())
}

fn mount(kind: &'static str) -> Option<Mount<'static>> {
    Some(Mount { kind, options: "rw" })
}

#[test]
fn local_file_systems_are_trusted() {
    for magic in [0xEF53, 0x5846_5342, 0x9123_683E, 0x2FC1_2FC1, 0x0102_1994, 0x794C_7630, 0xF2F5_2010, 0xCA45_1A4E] {
        // Whatever else is known: overlay and zfs have no device either.
        assert_eq!(judge(magic, mount("newnet"), KINDS), Trust::Local, "{magic:x}");
    }
}

#[test]
fn network_and_host_file_systems_are_not() {
    let cases = [
        (0x6969, "nfs"),
        (0x517B, "smb"),
        (0xFF53_4D42, "smb"),
        (0xFE53_4D42, "smb"),
        (0x0102_1997, "9p"),
        (0x5346_414F, "afs"),
        (0x00C3_6400, "ceph"),
        (0x0BD0_0BD0, "lustre"),
        (0x786F_4256, "vboxsf"),
    ];
    for (magic, name) in cases {
        assert_eq!(judge(magic, None, KINDS), doubtful(name), "{magic:x}");
        assert_eq!(judge(magic, mount("ext4"), KINDS), doubtful(name), "{magic:x}");
    }
}

#[test]
fn fuse_is_trusted_on_a_block_device_only() {
    assert_eq!(judge(0x6573_5546, mount("fuseblk"), KINDS), Trust::Local);
    assert_eq!(judge(0x6573_5546, mount("fuse.sshfs"), KINDS), doubtful("fuse.sshfs"));
    assert_eq!(judge(0x6573_5546, mount("virtiofs"), KINDS), doubtful("virtiofs"));
    assert_eq!(judge(0x6573_5546, None, ""), doubtful("fuse"));
}

#[test]
fn windows_drives_in_wsl_are_named() {
    let found = mount_of(MOUNTS, "0:41");
    assert_eq!(judge(0x0102_1997, found, KINDS), doubtful("9p (a Windows drive in WSL)"));
    assert_eq!(judge(0x1234, mount("drvfs"), KINDS), doubtful("drvfs"));
}

#[test]
fn unknown_ones_are_trusted_on_a_block_device() {
    assert_eq!(judge(0x1234, mount("newdisk"), KINDS), Trust::Local);
    assert_eq!(judge(0x1234, mount("newnet"), KINDS), doubtful("newnet"));
    assert_eq!(judge(0x1234, None, KINDS), Trust::Local);
    assert_eq!(judge(0x1234, mount("newnet"), ""), Trust::Local);
}

#[test]
fn mounts_are_found_by_device() {
    assert_eq!(mount_of(MOUNTS, "254:0"), Some(Mount { kind: "ext4", options: "rw,discard" }));
    assert_eq!(mount_of(MOUNTS, "0:40").unwrap().kind, "fuse.mergerfs", "the last mount is on top");
    assert_eq!(mount_of(MOUNTS, "9:9"), None);
    assert_eq!(mount_of(MOUNTS, "8:1"), None);
}

#[test]
fn this_machine_s_temporary_directory_and_proc_are_told_apart() {
    // Tests run on a local disk or a memory disk; /proc is neither known nor on a device.
    assert_eq!(trust(&std::env::temp_dir()).unwrap(), Trust::Local);
    assert_eq!(trust(Path::new("/proc")).unwrap(), doubtful("proc"));
}

#[test]
fn blocks_are_common_powers_of_two() {
    assert_eq!(common_block(&[]), 4096);
    assert_eq!(common_block(&[512, 4096]), 4096);
    assert_eq!(common_block(&[4096, 16384, 512]), 16384);
    assert_eq!(common_block(&[4096, 5000]), 8192);
    assert_eq!(common_block(&[1 << 22, 4096]), 1 << 20);
    assert_eq!(common_block(&[u64::MAX]), 1 << 20);
}

#[test]
fn boot_ids_are_uuids() {
    let id = parse_uuid("0123abcd-4567-89ef-0123-456789abcdef\n").unwrap();
    assert_eq!(id[..4], [0x01, 0x23, 0xab, 0xcd]);
    assert_eq!(id[15], 0xef);
    for bad in ["", "0123", "0123abcd-4567-89ef-0123-456789abcdef0", "g123abcd-4567-89ef-0123-456789abcdef"] {
        assert!(parse_uuid(bad).is_err(), "{bad}");
    }
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    assert_eq!(boot_id().unwrap(), parse_uuid(&text).unwrap());
}

#[test]
fn the_host_has_a_name_and_the_process_an_id() {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    assert_eq!(host_name(), name.trim());
    assert_eq!(pid(), std::process::id());
}

#[test]
fn what_does_not_exist_yet_is_judged_by_what_does() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, b"").unwrap();
    assert_eq!(nearest_existing(&directory.path().join("a/b")).unwrap(), directory.path());
    assert_eq!(nearest_existing(&file.join("b")).unwrap(), file);
    assert!(nearest_existing(Path::new("no-such-directory/x")).unwrap().is_absolute());
}
