//! The executable as it lies in memory: where it starts, and which parts it says it has.

#![allow(unsafe_code)]

use std::ffi::{c_int, c_void};
use std::ops::Range;
use std::sync::OnceLock;

/// The main executable of this process.
#[derive(Debug)]
pub(crate) struct Image {
    /// What offsets count from.
    pub(crate) base: usize,
    /// The memory that the loader made read-only after it had relocated it. Empty when the
    /// executable was linked without.
    pub(crate) relro: Range<usize>,
    /// The memory of its notes.
    pub(crate) notes: Vec<&'static [u8]>,
    /// Its table for the dynamic linker.
    pub(crate) dynamic: Option<usize>,
    /// Whether it can be loaded anywhere.
    pub(crate) relocatable: bool,
}

impl Image {
    /// The executable of this process. The first call looks for it.
    pub(crate) fn get() -> &'static Self {
        static IMAGE: OnceLock<Image> = OnceLock::new();
        IMAGE.get_or_init(Self::find)
    }

    fn find() -> Self {
        let mut image = Self {
            base: 0,
            relro: 0..0,
            notes: Vec::new(),
            dynamic: None,
            relocatable: false,
        };
        // SAFETY: the callback has the signature that is asked for, and `data` is the image,
        // which outlives the call.
        unsafe { libc::dl_iterate_phdr(Some(first), (&raw mut image).cast()) };
        image
    }
}

/// Reads the first object, the main executable, and stops.
unsafe extern "C" fn first(
    info: *mut libc::dl_phdr_info,
    _size: libc::size_t,
    data: *mut c_void,
) -> c_int {
    // SAFETY: `data` is the image that `find` passed, and nobody else has a reference to it.
    let image = unsafe { &mut *data.cast::<Image>() };
    // SAFETY: the loader passes a valid record, with a table of this many headers.
    let (base, headers) = unsafe {
        let info = &*info;
        let count = usize::from(info.dlpi_phnum);
        let headers = if info.dlpi_phdr.is_null() {
            &[][..]
        } else {
            std::slice::from_raw_parts(info.dlpi_phdr, count)
        };
        (info.dlpi_addr as usize, headers)
    };
    image.base = base;
    for header in headers {
        let start = base.wrapping_add(header.p_vaddr as usize);
        let len = header.p_memsz as usize;
        match header.p_type {
            libc::PT_GNU_RELRO => image.relro = start..start.saturating_add(len),
            libc::PT_DYNAMIC => image.dynamic = Some(start),
            libc::PT_NOTE => {
                // SAFETY: a note segment is part of a loaded one, which stays mapped and is
                // read-only.
                image
                    .notes
                    .push(unsafe { std::slice::from_raw_parts(start as *const u8, len) });
            }
            _ => {}
        }
    }
    // One that is loaded where it was linked to has no base of its own.
    image.relocatable = base != 0;
    1
}

/// The notes of a segment: type, owner and content.
pub(crate) fn notes(mut segment: &[u8]) -> impl Iterator<Item = (u32, &[u8], &[u8])> {
    std::iter::from_fn(move || {
        let (head, rest) = segment.split_first_chunk::<12>()?;
        let word =
            |at: usize| u32::from_ne_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let (name_len, content_len) = (word(0) as usize, word(4) as usize);
        let name = rest.get(..name_len)?;
        let rest = rest.get(name_len.next_multiple_of(4)..)?;
        let content = rest.get(..content_len)?;
        segment = rest.get(content_len.next_multiple_of(4)..).unwrap_or(&[]);
        Some((word(8), name, content))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_read_one_after_the_other_and_never_beyond_their_end() {
        let mut bytes = Vec::new();
        for (kind, content) in [(3_u32, &b"abcdef"[..]), (1, b"xy")] {
            bytes.extend(4_u32.to_ne_bytes());
            bytes.extend((content.len() as u32).to_ne_bytes());
            bytes.extend(kind.to_ne_bytes());
            bytes.extend(b"GNU\0");
            bytes.extend(content);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
        let found: Vec<_> = notes(&bytes).collect();
        assert_eq!(
            found,
            [(3, &b"GNU\0"[..], &b"abcdef"[..]), (1, b"GNU\0", b"xy")]
        );
        for end in 0..bytes.len() {
            assert!(notes(&bytes[..end]).count() <= 2);
        }
    }

    #[test]
    fn this_executable_has_a_relro_segment_and_constants_with_pointers_lie_in_it() {
        static POINTER: &(dyn Fn() + Sync) = &|| ();
        let image = Image::get();
        assert!(image.relocatable);
        assert!(image.relro.contains(&(&raw const POINTER as usize)));
    }
}
