//! What differs by platform, all of it, and nothing else.
//!
//! Linux is what is proven. The macOS and Windows arms are type-checked only: **untested**.
//!
//! Whether a file system is trusted ([`trust`]) is decided in this order:
//! 1. Known by its number (Linux) or its flags: a local one is trusted, a network, cluster or
//!    host-sharing one is not (there a boot id no longer says who can have written).
//! 2. FUSE is only as good as the program behind it: trusted when it stands on a block device
//!    (`fuseblk`: NTFS-3G, exFAT), else not, under the name of that program.
//! 3. Unknown ones (Linux) are trusted if they are mounted from a block device. A new kind without
//!    one is most likely a network mount; refusing it costs its owner one option, trusting it could
//!    cost acknowledged data.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::Trust;

#[cfg(target_os = "linux")]
use linux as imp;
#[cfg(all(unix, not(target_os = "linux")))]
use other_unix as imp;
#[cfg(windows)]
use windows as imp;

/// Least value of [`block_bytes`].
const BLOCK_BYTES_MIN: u64 = 4096;
/// Greatest value of [`block_bytes`]: network mounts claim up to some MiB, which would only cost space.
const BLOCK_BYTES_MAX: u64 = 1 << 20;

/// The id of this process.
#[must_use]
pub fn pid() -> u32 {
    std::process::id()
}

/// The name of this machine; empty if it has none.
#[must_use]
pub fn host_name() -> String {
    imp::host_name()
}

/// Identifies this boot of this machine; `InvalidData` if what the system says is not an id.
pub fn boot_id() -> io::Result<[u8; 16]> {
    imp::boot_id()
}

/// Whether locks and syncs below `path` can be trusted. A path that does not exist yet is judged by
/// the nearest directory above it that does.
pub fn trust(path: &Path) -> io::Result<Trust> {
    imp::trust(&nearest_existing(path)?)
}

/// The greatest of page size, file-system block and physical sector below `path`, in bytes: a power
/// of two from 4 096 to 1 MiB. A path that does not exist yet is judged as by [`trust`].
pub fn block_bytes(path: &Path) -> io::Result<u32> {
    let parts = imp::block_parts(&nearest_existing(path)?)?;
    Ok(common_block(&parts))
}

/// How many descriptors this process may have; `None` if there is no such bound.
#[must_use]
pub fn descriptors_max() -> Option<u64> {
    imp::descriptors_max()
}

/// Makes files created with `options` readable and writable by their owner only.
pub fn owner_only(options: &mut OpenOptions) -> &mut OpenOptions {
    imp::owner_only(options)
}

/// Makes one directory that only its owner can enter; `AlreadyExists` if there is one.
pub fn create_dir(path: &Path) -> io::Result<()> {
    imp::create_dir(path)
}

/// Makes the names in a directory durable.
pub fn sync_dir(path: &Path) -> io::Result<()> {
    imp::sync_dir(path)
}

/// Makes a file's bytes and length durable: `fdatasync`, on macOS `fcntl(F_FULLFSYNC)`. After an
/// error nothing is known about the bytes.
pub fn sync_data(file: &File) -> io::Result<()> {
    imp::sync_data(file)
}

/// Gives the first `bytes` of a file their place on disk, so that storing into a mapping of them
/// cannot run out of space. Best effort: without support nothing happens. Contents and length stay.
pub fn allocate(file: &File, bytes: u64) -> io::Result<()> {
    imp::allocate(file, bytes)
}

/// Reads at a position: one system call, may be short, may be interrupted.
pub fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    imp::read_at(file, buffer, offset)
}

/// Writes at a position: one system call, may be short, may be interrupted.
pub fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
    imp::write_at(file, bytes, offset)
}

/// The least power of two that all of `parts` fit into, within the bounds.
fn common_block(parts: &[u64]) -> u32 {
    let greatest = parts.iter().copied().max().unwrap_or(0).clamp(BLOCK_BYTES_MIN, BLOCK_BYTES_MAX);
    u32::try_from(greatest.next_power_of_two()).unwrap_or(4096)
}

/// `path`, or the nearest directory above it that exists.
fn nearest_existing(path: &Path) -> io::Result<PathBuf> {
    let absolute = std::path::absolute(path)?;
    for ancestor in absolute.ancestors() {
        match ancestor.symlink_metadata() {
            Ok(_) => return Ok(ancestor.to_owned()),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::NotFound.into())
}

/// Reads 32 hexadecimal digits, hyphens between them ignored.
#[cfg_attr(windows, allow(dead_code))]
fn parse_uuid(text: &str) -> io::Result<[u8; 16]> {
    let digits: String = text.trim().chars().filter(|c| *c != '-').collect();
    match u128::from_str_radix(&digits, 16) {
        Ok(value) if digits.len() == 32 => Ok(value.to_be_bytes()),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "the system's boot id is not a UUID")),
    }
}

/// What all Unixes share.
#[cfg(unix)]
mod unix {
    use std::fs::{DirBuilder, File, OpenOptions};
    use std::io;
    use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
    use std::path::Path;

    pub(super) fn host_name() -> String {
        rustix::system::uname().nodename().to_string_lossy().into_owned()
    }

    pub(super) fn descriptors_max() -> Option<u64> {
        rustix::process::getrlimit(rustix::process::Resource::Nofile).current
    }

    pub(super) fn owner_only(options: &mut OpenOptions) -> &mut OpenOptions {
        options.mode(0o600)
    }

    pub(super) fn create_dir(path: &Path) -> io::Result<()> {
        DirBuilder::new().mode(0o700).create(path)
    }

    pub(super) fn sync_dir(path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    /// The standard library calls `fdatasync`, and on macOS `fcntl(F_FULLFSYNC)`, which is what
    /// makes the drive empty its cache there.
    pub(super) fn sync_data(file: &File) -> io::Result<()> {
        file.sync_data()
    }

    pub(super) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        file.read_at(buffer, offset)
    }

    pub(super) fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
        file.write_at(bytes, offset)
    }

    /// Page size and file-system block.
    pub(super) fn block_parts(path: &Path) -> io::Result<Vec<u64>> {
        Ok(vec![crate::number::wide(rustix::param::page_size()), path.metadata()?.blksize()])
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs::File;
    use std::io;
    use std::os::unix::fs::MetadataExt;
    use std::path::Path;

    use super::super::Trust;
    pub(super) use super::unix::{
        create_dir, descriptors_max, host_name, owner_only, read_at, sync_data, sync_dir, write_at,
    };

    pub(super) fn boot_id() -> io::Result<[u8; 16]> {
        super::parse_uuid(&std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?)
    }

    pub(super) fn allocate(file: &File, bytes: u64) -> io::Result<()> {
        let keep = rustix::fs::FallocateFlags::KEEP_SIZE;
        match rustix::io::retry_on_intr(|| rustix::fs::fallocate(file, keep, 0, bytes)) {
            Ok(()) | Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn block_parts(path: &Path) -> io::Result<Vec<u64>> {
        let mut parts = super::unix::block_parts(path)?;
        let device = device_of(path)?;
        // A partition has no queue of its own: its disk has, one directory up. Devices without a
        // block device behind them have neither.
        for queue in ["queue", "../queue"] {
            let file = format!("/sys/dev/block/{device}/{queue}/physical_block_size");
            parts.extend(std::fs::read_to_string(file).ok().and_then(|text| text.trim().parse::<u64>().ok()));
        }
        Ok(parts)
    }

    pub(super) fn trust(path: &Path) -> io::Result<Trust> {
        let kind = rustix::fs::statfs(path)?.f_type;
        // The field's width and sign differ by architecture; the numbers are all of 32 bits.
        let magic = kind.to_le_bytes().first_chunk().map_or(0, |low| u32::from_le_bytes(*low));
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let kinds = std::fs::read_to_string("/proc/filesystems").unwrap_or_default();
        Ok(judge(magic, mount_of(&mounts, &device_of(path)?), &kinds))
    }

    /// `major:minor`, as `/proc` and `/sys` write it.
    fn device_of(path: &Path) -> io::Result<String> {
        let device = path.metadata()?.dev();
        Ok(format!("{}:{}", rustix::fs::major(device), rustix::fs::minor(device)))
    }

    /// A line of `/proc/self/mountinfo`: what is mounted from a device.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct Mount<'a> {
        pub(super) kind: &'a str,
        pub(super) options: &'a str,
    }

    /// The last mount of `device`: `36 35 98:0 / /mnt rw,noatime shared:1 - ext3 /dev/root rw`.
    pub(super) fn mount_of<'a>(mounts: &'a str, device: &str) -> Option<Mount<'a>> {
        mounts.lines().rev().find_map(|line| {
            let (place, source) = line.split_once(" - ")?;
            let mut source = source.split(' ');
            let (kind, _, options) = (source.next()?, source.next()?, source.next()?);
            (place.split(' ').nth(2)? == device).then_some(Mount { kind, options })
        })
    }

    /// The rules of this file's head. `kinds` is `/proc/filesystems`.
    pub(super) fn judge(magic: u32, mount: Option<Mount<'_>>, kinds: &str) -> Trust {
        let doubtful = |name: &str| Trust::Doubtful(name.to_owned());
        match magic {
            // ext2-4, xfs, btrfs, zfs, f2fs, bcachefs, tmpfs, ramfs, overlay, reiserfs, jfs, nilfs, exfat,
            // ecryptfs, wslfs (the root of WSL 1).
            0xEF53 | 0x5846_5342 | 0x9123_683E | 0x2FC1_2FC1 | 0xF2F5_2010 | 0xCA45_1A4E | 0x0102_1994
            | 0x8584_58F6 | 0x794C_7630 | 0x5265_4973 | 0x3153_464A | 0x3434 | 0x2011_BAB0 | 0xF15F | 0x5346_4846 => {
                Trust::Local
            }
            0x0102_1997 => match mount {
                Some(mount) if mount.options.contains("aname=drvfs") => doubtful("9p (a Windows drive in WSL)"),
                _ => doubtful("9p"),
            },
            0x6969 => doubtful("nfs"),
            0x517B | 0xFF53_4D42 | 0xFE53_4D42 => doubtful("smb"),
            0x5346_414F | 0x6B41_4653 => doubtful("afs"),
            0x00C3_6400 => doubtful("ceph"),
            0x0BD0_0BD0 => doubtful("lustre"),
            0x1983_0326 => doubtful("beegfs"),
            0x4750_4653 => doubtful("gpfs"),
            0x0116_1970 => doubtful("gfs2"),
            0x7461_636F => doubtful("ocfs2"),
            0x786F_4256 => doubtful("vboxsf"),
            0x6573_5546 => match mount.map(|mount| mount.kind) {
                Some("fuseblk") => Trust::Local,
                Some(kind) => doubtful(kind),
                None => doubtful("fuse"),
            },
            _ => match mount {
                Some(mount) if mount.kind == "drvfs" || without_device(kinds, mount.kind) => doubtful(mount.kind),
                _ => Trust::Local,
            },
        }
    }

    /// Whether `/proc/filesystems` says that this kind needs no block device.
    fn without_device(kinds: &str, kind: &str) -> bool {
        kinds.lines().any(|line| line.strip_prefix("nodev\t") == Some(kind))
    }
}

/// macOS, and as far as that goes the BSDs. **Untested.**
#[cfg(all(unix, not(target_os = "linux")))]
mod other_unix {
    use std::fs::File;
    use std::io;
    use std::path::Path;
    use std::process::Command;

    use super::super::Trust;
    pub(super) use super::unix::{
        block_parts, create_dir, descriptors_max, host_name, owner_only, read_at, sync_data, sync_dir, write_at,
    };

    /// `kern.boottime` moves when the clock is set; the id of the boot session does not.
    pub(super) fn boot_id() -> io::Result<[u8; 16]> {
        let output = Command::new("/usr/sbin/sysctl").args(["-n", "kern.bootsessionuuid"]).output()?;
        super::parse_uuid(&String::from_utf8_lossy(&output.stdout))
    }

    pub(super) fn allocate(_file: &File, _bytes: u64) -> io::Result<()> {
        Ok(())
    }

    #[cfg(target_os = "macos")]
    pub(super) fn trust(path: &Path) -> io::Result<Trust> {
        const MNT_LOCAL: u32 = 0x1000;
        let found = rustix::fs::statfs(path)?;
        if found.f_flags & MNT_LOCAL != 0 {
            return Ok(Trust::Local);
        }
        let name = found.f_fstypename.iter().take_while(|c| **c != 0).flat_map(|c| c.to_ne_bytes()).collect();
        Ok(Trust::Doubtful(String::from_utf8(name).unwrap_or_default()))
    }

    #[cfg(not(target_os = "macos"))]
    pub(super) fn trust(_path: &Path) -> io::Result<Trust> {
        Ok(Trust::Doubtful("a platform that threadlog was never tried on".to_owned()))
    }
}

/// Windows. **Untested.**
#[cfg(windows)]
mod windows {
    use std::fs::{File, OpenOptions};
    use std::io;
    use std::os::windows::fs::FileExt;
    use std::path::{Component, Path, Prefix};
    use std::process::Command;

    use super::super::Trust;

    pub(super) fn descriptors_max() -> Option<u64> {
        None
    }

    pub(super) fn host_name() -> String {
        std::env::var("COMPUTERNAME").unwrap_or_default()
    }

    /// The counter that Windows keeps of its boots, with the machine's name.
    pub(super) fn boot_id() -> io::Result<[u8; 16]> {
        const KEY: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Session Manager\Memory Management\PrefetchParameters";
        let output = Command::new("reg.exe").args(["query", KEY, "/v", "BootId"]).output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let digits = text.split_whitespace().rev().find_map(|word| word.strip_prefix("0x"));
        let Some(count) = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok()) else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the registry has no BootId"));
        };
        let host = u64::from(crc32fast::hash(host_name().as_bytes()));
        Ok((u128::from(count) << 64 | u128::from(host)).to_be_bytes())
    }

    /// A path of a network share starts with `\\server\share` once drive letters are resolved.
    pub(super) fn trust(path: &Path) -> io::Result<Trust> {
        let share = match path.canonicalize()?.components().next() {
            Some(Component::Prefix(prefix)) => matches!(prefix.kind(), Prefix::UNC(..) | Prefix::VerbatimUNC(..)),
            _ => false,
        };
        Ok(if share { Trust::Doubtful("smb".to_owned()) } else { Trust::Local })
    }

    pub(super) fn block_parts(_path: &Path) -> io::Result<Vec<u64>> {
        Ok(vec![4096])
    }

    /// Files get the access list of their directory, which below a user's profile is theirs alone.
    pub(super) fn owner_only(options: &mut OpenOptions) -> &mut OpenOptions {
        options
    }

    pub(super) fn create_dir(path: &Path) -> io::Result<()> {
        std::fs::create_dir(path)
    }

    /// NTFS keeps its names in a journal and has no call for this.
    pub(super) fn sync_dir(_path: &Path) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn sync_data(file: &File) -> io::Result<()> {
        file.sync_data()
    }

    pub(super) fn allocate(_file: &File, _bytes: u64) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        match file.seek_read(buffer, offset) {
            // ERROR_HANDLE_EOF: elsewhere that is a count of 0.
            Err(error) if error.raw_os_error() == Some(38) => Ok(0),
            other => other,
        }
    }

    pub(super) fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
        file.seek_write(bytes, offset)
    }
}

#[cfg(test)]
#[path = "platform_tests.rs"]
mod tests;
