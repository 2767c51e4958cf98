//! The simulated disk: inodes, reached by names, with a bound on their blocks.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::content::{Content, Fate};
use super::crash::Picker;
use super::fault::{ENOSPC, error};
use super::names::Names;
use super::random::Hash;
use crate::number::wide;

/// The inode of `/`.
const ROOT: u64 = 1;
/// No file is longer: what ext4 allows.
const FILE_BYTES_MAX: u64 = 1 << 44;

/// Cheap to clone: inodes are shared until they are changed.
#[derive(Clone, Debug)]
pub(super) struct Disk {
    size: usize,
    capacity: Option<u64>,
    inodes: BTreeMap<u64, Arc<Node>>,
    next: u64,
    /// Files without a name; they stay while they are open or a crash may give the name back.
    orphans: BTreeSet<u64>,
    /// How often each file is open.
    open: BTreeMap<u64, u32>,
}

#[derive(Clone, Debug)]
pub(super) enum Node {
    File(Content),
    Directory(Names),
}

impl Disk {
    pub(super) fn new(size: usize) -> Disk {
        let root = Arc::new(Node::Directory(Names::default()));
        let inodes = BTreeMap::from([(ROOT, root)]);
        Disk { size, capacity: None, inodes, next: ROOT, orphans: BTreeSet::new(), open: BTreeMap::new() }
    }

    pub(super) fn block_bytes(&self) -> usize {
        self.size
    }

    pub(super) fn set_capacity(&mut self, blocks: Option<u64>) {
        self.capacity = blocks;
    }

    /// Blocks in use: one for each inode, and those of the files.
    pub(super) fn used(&self) -> u64 {
        let lives = |inode: &u64| !self.orphans.contains(inode) || self.open.contains_key(inode);
        let blocks = self.inodes.iter().filter(|(inode, _)| lives(inode)).map(|(_, node)| match &**node {
            Node::File(content) => content.allocated().saturating_add(1),
            Node::Directory(_) => 1,
        });
        blocks.sum()
    }

    /// Refuses to grow a full disk.
    fn check_room(&self) -> io::Result<()> {
        match self.capacity {
            Some(capacity) if self.used() >= capacity => Err(error(ENOSPC)),
            _ => Ok(()),
        }
    }

    // --- names -----------------------------------------------------------

    pub(super) fn lookup(&self, path: &Path) -> io::Result<u64> {
        let mut inode = ROOT;
        for name in components(path)? {
            inode = self.names(inode)?.get(name).ok_or(io::ErrorKind::NotFound)?;
        }
        Ok(inode)
    }

    pub(super) fn node(&self, inode: u64) -> io::Result<&Node> {
        self.inodes.get(&inode).map(|node| &**node).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    pub(super) fn names(&self, inode: u64) -> io::Result<&Names> {
        match self.node(inode)? {
            Node::Directory(names) => Ok(names),
            Node::File(_) => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    pub(super) fn names_mut(&mut self, inode: u64) -> io::Result<&mut Names> {
        match self.inodes.get_mut(&inode).map(Arc::make_mut) {
            Some(Node::Directory(names)) => Ok(names),
            Some(Node::File(_)) => Err(io::ErrorKind::NotADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// Adds a new file or directory.
    pub(super) fn create(&mut self, path: &Path, directory: bool) -> io::Result<u64> {
        let Some((parent, name)) = self.parent(path)? else { return Err(io::ErrorKind::AlreadyExists.into()) };
        if self.names(parent)?.get(name).is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.check_room()?;
        self.next = self.next.saturating_add(1);
        let inode = self.next;
        let node = if directory { Node::Directory(Names::default()) } else { Node::File(Content::new(self.size)) };
        self.inodes.insert(inode, Arc::new(node));
        self.names_mut(parent)?.link(name, inode);
        Ok(inode)
    }

    pub(super) fn remove_file(&mut self, path: &Path) -> io::Result<()> {
        let inode = self.lookup(path)?;
        let _ = self.content(inode)?;
        let Some((parent, name)) = self.parent(path)? else { return Err(io::ErrorKind::IsADirectory.into()) };
        self.names_mut(parent)?.unlink(name);
        self.orphans.insert(inode);
        Ok(())
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let (Some((parent, old)), Some((other, new))) = (self.parent(from)?, self.parent(to)?) else {
            return Err(io::ErrorKind::ResourceBusy.into());
        };
        let names = self.names(parent)?;
        let moved = names.get(old).ok_or(io::ErrorKind::NotFound)?;
        if parent != other {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "rename goes within one directory"));
        }
        let replaced = names.get(new);
        if replaced == Some(moved) {
            return Ok(());
        }
        match (self.node(moved)?, replaced.map(|inode| self.node(inode)).transpose()?) {
            (Node::File(_), Some(Node::Directory(_))) => return Err(io::ErrorKind::IsADirectory.into()),
            (Node::Directory(_), Some(Node::File(_))) => return Err(io::ErrorKind::NotADirectory.into()),
            (Node::Directory(_), Some(Node::Directory(names))) if !names.is_empty() => {
                return Err(io::ErrorKind::DirectoryNotEmpty.into());
            }
            _ => {}
        }
        self.names_mut(parent)?.rename(old, new);
        self.orphans.extend(replaced);
        Ok(())
    }

    /// Makes a directory's names durable, and forgets the files that nobody can reach any more.
    pub(super) fn sync_dir(&mut self, inode: u64) -> io::Result<()> {
        self.names_mut(inode)?.sync();
        let reachable = |inode: &u64| {
            self.open.contains_key(inode)
                || self.inodes.values().any(|node| matches!(&**node, Node::Directory(names) if names.may_hold(*inode)))
        };
        let gone: Vec<u64> = self.orphans.iter().filter(|inode| !reachable(inode)).copied().collect();
        for inode in gone {
            self.orphans.remove(&inode);
            self.inodes.remove(&inode);
        }
        Ok(())
    }

    /// The directory that a path's last name stands in, and that name; `None` for the root.
    fn parent<'a>(&self, path: &'a Path) -> io::Result<Option<(u64, &'a str)>> {
        let mut names = components(path)?;
        let Some(last) = names.pop() else { return Ok(None) };
        let mut inode = ROOT;
        for name in names {
            inode = self.names(inode)?.get(name).ok_or(io::ErrorKind::NotFound)?;
        }
        self.names(inode)?;
        Ok(Some((inode, last)))
    }

    // --- files -----------------------------------------------------------

    pub(super) fn content(&self, inode: u64) -> io::Result<&Content> {
        match self.node(inode)? {
            Node::File(content) => Ok(content),
            Node::Directory(_) => Err(io::ErrorKind::IsADirectory.into()),
        }
    }

    pub(super) fn content_mut(&mut self, inode: u64) -> io::Result<&mut Content> {
        match self.inodes.get_mut(&inode).map(Arc::make_mut) {
            Some(Node::File(content)) => Ok(content),
            Some(Node::Directory(_)) => Err(io::ErrorKind::IsADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    pub(super) fn opened(&mut self, inode: u64) {
        let count = self.open.entry(inode).or_default();
        *count = count.saturating_add(1);
    }

    pub(super) fn closed(&mut self, inode: u64) {
        if let Some(count) = self.open.get_mut(&inode) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.open.remove(&inode);
            }
        }
    }

    /// Writes as much as there is room for; `ENOSPC` if that is nothing.
    pub(super) fn write(&mut self, inode: u64, offset: u64, bytes: &[u8], fate: Fate) -> io::Result<usize> {
        let end = offset.saturating_add(wide(bytes.len()));
        if end > FILE_BYTES_MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let room = self.room(inode, offset, bytes.len())?;
        let part = bytes.get(..room).unwrap_or(bytes);
        if part.is_empty() && !bytes.is_empty() {
            return Err(error(ENOSPC));
        }
        self.content_mut(inode)?.write(offset, part, fate);
        Ok(part.len())
    }

    pub(super) fn set_len(&mut self, inode: u64, bytes: u64) -> io::Result<()> {
        if bytes > FILE_BYTES_MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        if bytes > self.content(inode)?.len() {
            self.check_room()?;
        }
        self.content_mut(inode)?.set_len(bytes);
        Ok(())
    }

    /// How many of `count` bytes at `offset` have room. Blocks that the file has already need none.
    fn room(&self, inode: u64, offset: u64, count: usize) -> io::Result<usize> {
        let Some(capacity) = self.capacity else { return Ok(count) };
        let content = self.content(inode)?;
        let mut free = capacity.saturating_sub(self.used());
        let size = wide(self.size).max(1);
        let end = offset.saturating_add(wide(count));
        for index in (offset / size)..end.div_ceil(size) {
            if content.is_allocated(index) {
                continue;
            }
            if free == 0 {
                let fitting = index.saturating_mul(size).saturating_sub(offset);
                return Ok(usize::try_from(fitting).unwrap_or(count).min(count));
            }
            free = free.saturating_sub(1);
        }
        Ok(count)
    }

    // --- all of it -------------------------------------------------------

    /// The same disk with nothing open.
    pub(super) fn closed_copy(&self) -> Disk {
        Disk { open: BTreeMap::new(), ..self.clone() }
    }

    /// What a power cut leaves. Choice points are met in the order of inodes.
    pub(super) fn crash(&self, picker: &mut Picker<'_>) -> Disk {
        let mut inodes = BTreeMap::new();
        for (inode, node) in &self.inodes {
            let left = match &**node {
                Node::File(content) if !content.is_settled() => Arc::new(Node::File(content.crash(picker))),
                Node::Directory(names) if !names.is_settled() => Arc::new(Node::Directory(names.crash(picker))),
                _ => Arc::clone(node),
            };
            inodes.insert(*inode, left);
        }
        let mut disk = Disk { inodes, orphans: BTreeSet::new(), open: BTreeMap::new(), ..*self };
        let mut reachable = BTreeSet::new();
        disk.reach(ROOT, &mut reachable);
        disk.inodes.retain(|inode, _| reachable.contains(inode));
        disk
    }

    fn reach(&self, inode: u64, reachable: &mut BTreeSet<u64>) {
        reachable.insert(inode);
        if let Ok(names) = self.names(inode) {
            names.iter().for_each(|(_, child)| self.reach(child, reachable));
        }
    }

    /// Every file and directory with its path, the root first, those of a directory by name.
    pub(super) fn tree(&self) -> impl Iterator<Item = (PathBuf, u64)> {
        let mut stack = vec![(PathBuf::from("/"), ROOT)];
        std::iter::from_fn(move || {
            let (path, inode) = stack.pop()?;
            if let Ok(names) = self.names(inode) {
                let mut children: Vec<_> = names.iter().map(|(name, inode)| (path.join(name), inode)).collect();
                children.reverse();
                stack.append(&mut children);
            }
            Some((path, inode))
        })
    }

    /// Of all names and contents, as calls see them.
    pub(super) fn hash(&self) -> u64 {
        let mut hash = Hash::new();
        self.hash_below(ROOT, &mut hash);
        hash.finish()
    }

    fn hash_below(&self, inode: u64, hash: &mut Hash) {
        match self.node(inode) {
            Ok(Node::File(content)) => content.hash(hash),
            Ok(Node::Directory(names)) => {
                for (name, child) in names.iter() {
                    hash.bytes(name.as_bytes());
                    self.hash_below(child, hash);
                }
                // No file begins so: the end of a directory.
                hash.number(u64::MAX);
            }
            Err(_) => {}
        }
    }
}

/// The names of a path, from the root; relative paths start there too.
fn components(path: &Path) -> io::Result<Vec<&str>> {
    let mut names = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => names.push(name.to_str().ok_or(io::ErrorKind::InvalidFilename)?),
            Component::RootDir | Component::CurDir => {}
            Component::ParentDir | Component::Prefix(_) => return Err(io::ErrorKind::InvalidInput.into()),
        }
    }
    Ok(names)
}
