//! A block device watched from outside: a file served through FUSE that notes every write and every flush, in order.
//!
//! A loop device over that file carries a real file system, and that a real store. What a power cut may leave is then known
//! from the stream itself: all that was written before the last flush, and any part of what came after it.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, UNIX_EPOCH};

use fuser::{
    BackgroundSession, Config, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo,
    LockOwner, OpenFlags, ReplyAttr, ReplyData, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyWrite, Request, WriteFlags,
};

/// The name of the file.
pub const DISK: &str = "disk";

const FILE: INodeNo = INodeNo(2);
const FOREVER: Duration = Duration::from_secs(3600);

/// Something that happened to the device.
#[derive(Clone, Debug)]
pub enum Event {
    /// Bytes were written at an offset.
    Write(u64, Box<[u8]>),
    /// All that was written before is on the medium.
    Flush,
    /// A note of the test's.
    Note(u64),
}

/// The device's content as it is read, and all that happened to it.
#[derive(Default)]
pub struct Device {
    content: Vec<u8>,
    events: Vec<Event>,
}

/// Serves it.
#[derive(Clone)]
pub struct FlushLog {
    device: Arc<Mutex<Device>>,
}

impl FlushLog {
    /// A device with this content.
    pub fn new(content: Vec<u8>) -> FlushLog {
        FlushLog { device: Arc::new(Mutex::new(Device { content, events: Vec::new() })) }
    }

    /// Mounts it: there is one file, [`DISK`], below `mount`.
    ///
    /// # Errors
    /// Without root or FUSE.
    pub fn mount(&self, mount: &Path) -> io::Result<BackgroundSession> {
        fuser::spawn_mount(self.clone(), mount, &Config::default())
    }

    /// Notes that something was acknowledged.
    pub fn note(&self, note: u64) {
        self.lock().events.push(Event::Note(note));
    }

    /// All that happened, in order.
    pub fn events(&self) -> Vec<Event> {
        self.lock().events.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Device> {
        self.device.lock().expect("nothing panics while it is held")
    }

    fn attributes(&self, inode: INodeNo) -> FileAttr {
        let directory = inode == INodeNo::ROOT;
        let size = if directory { 0 } else { self.lock().content.len() as u64 };
        FileAttr {
            ino: inode,
            size,
            blocks: size / 512,
            atime: UNIX_EPOCH,
            mtime: UNIX_EPOCH,
            ctime: UNIX_EPOCH,
            crtime: UNIX_EPOCH,
            kind: if directory { FileType::Directory } else { FileType::RegularFile },
            perm: 0o700,
            nlink: 1,
            uid: 0,
            gid: 0,
            rdev: 0,
            blksize: 4096,
            flags: 0,
        }
    }
}

impl Filesystem for FlushLog {
    fn lookup(&self, _: &Request, _: INodeNo, name: &OsStr, reply: ReplyEntry) {
        if name == DISK {
            reply.entry(&FOREVER, &self.attributes(FILE), Generation(0));
        } else {
            reply.error(Errno::ENOENT);
        }
    }

    fn getattr(&self, _: &Request, inode: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        reply.attr(&FOREVER, &self.attributes(inode));
    }

    fn open(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        reply.opened(FileHandle(0), FopenFlags::empty());
    }

    fn read(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let device = self.lock();
        let start = (offset as usize).min(device.content.len());
        let end = (start + size as usize).min(device.content.len());
        reply.data(&device.content[start..end]);
    }

    fn write(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let mut device = self.lock();
        let start = offset as usize;
        let Some(place) = device.content.get_mut(start..start + data.len()) else {
            return reply.error(Errno::ENOSPC);
        };
        place.copy_from_slice(data);
        device.events.push(Event::Write(offset, data.into()));
        reply.written(data.len() as u32);
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        // Of closing a descriptor, not of the device.
        reply.ok();
    }

    fn fsync(&self, _: &Request, _: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        self.lock().events.push(Event::Flush);
        reply.ok();
    }

    fn fallocate(&self, _: &Request, _: INodeNo, _: FileHandle, _: u64, _: u64, _: i32, reply: ReplyEmpty) {
        reply.error(Errno::EOPNOTSUPP);
    }
}
