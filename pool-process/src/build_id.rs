//! Which build this executable is.

use std::fmt;
use std::os::unix::fs::MetadataExt;

use serde::{Deserialize, Serialize};

use crate::entry::EntryId;
use crate::linux_image::{Image, notes};

/// The type of a note that identifies the build.
const NT_GNU_BUILD_ID: u32 = 3;

/// What two processes must have in common for the entries of one to mean the same in the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildId {
    identity: Identity,
    /// Size of the segment with the entries, and where one that every build has lies in it.
    layout: [u64; 2],
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Identity {
    /// What the linker wrote down: a hash of the executable's content.
    Note(Vec<u8>),
    /// A linker that was not asked for one: then it must be the same file.
    File {
        device: u64,
        inode: u64,
        size: u64,
        modified: (i64, i64),
    },
    /// Neither is to be had.
    Unknown,
}

impl BuildId {
    /// This process's.
    #[must_use]
    pub fn own() -> Self {
        let image = Image::get();
        Self {
            identity: note(image).map_or_else(file, Identity::Note),
            layout: [
                image.relro.len() as u64,
                EntryId::sentinel().map_or(0, EntryId::offset),
            ],
        }
    }
}

fn note(image: &Image) -> Option<Vec<u8>> {
    image
        .notes
        .iter()
        .flat_map(|segment| notes(segment))
        .find(|&(kind, name, _)| kind == NT_GNU_BUILD_ID && name == b"GNU\0")
        .map(|(_, _, id)| id.to_vec())
}

fn file() -> Identity {
    match std::fs::metadata("/proc/self/exe") {
        Ok(file) => Identity::File {
            device: file.dev(),
            inode: file.ino(),
            size: file.size(),
            modified: (file.mtime(), file.mtime_nsec()),
        },
        Err(_) => Identity::Unknown,
    }
}

impl fmt::Display for BuildId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.identity {
            Identity::Note(id) => id.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?,
            Identity::File { inode, size, .. } => write!(f, "file {inode} of {size} bytes")?,
            Identity::Unknown => f.write_str("unknown")?,
        }
        write!(f, "-{:x}-{:x}", self.layout[0], self.layout[1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_process_is_the_same_build() {
        assert_eq!(BuildId::own(), BuildId::own());
        assert!(!BuildId::own().to_string().is_empty());
    }

    #[test]
    fn without_a_note_the_file_tells() {
        assert_eq!(file(), file());
        assert!(matches!(file(), Identity::File { .. }));
    }
}
