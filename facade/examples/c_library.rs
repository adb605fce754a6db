//! A C library in processes of its own: zlib unpacks pages, and one page makes it read past the end.
//!
//! The bindings are written as such bindings often are: a length that stands in the file is handed
//! to C as it is. In a thread, the page with the wrong length would end the whole program. Here it
//! ends one worker, and with it one page. What else one isolates C for: it leaks
//! (`max_tasks_per_child`), it hangs (a deadline), it keeps global state and must not be called
//! from two threads at once (each worker runs one task at a time).
//!
//! Output:
//! ```text
//! 8 pages packed by zlib …: 480000 bytes to …
//! page 0: 60000 bytes
//! page 1: 60000 bytes
//! page 2: task `c_library::pages::unpack` failed: the checksum is wrong
//! page 3: 60000 bytes
//! page 4: 60000 bytes
//! page 5: lost, its process was killed by SIGSEGV
//! page 6: 60000 bytes
//! page 7: 60000 bytes
//! ```

#[cfg(target_os = "linux")]
mod pages {
    use concurrent_futures::process::Bytes;
    use concurrent_futures::{ProcessPoolExecutor, RemoteError, TaskError};
    use std::error::Error;
    use std::ffi::CStr;
    use std::num::NonZeroU32;

    /// Two lengths and a checksum stand before the packed bytes.
    const HEADER: usize = 12;

    /// What a library leaks ends with its process.
    const TASKS_PER_CHILD: NonZeroU32 = NonZeroU32::new(100).unwrap();

    fn pack(page: Bytes) -> Result<Bytes, RemoteError> {
        // SAFETY: it computes with a number.
        let mut length = unsafe { libz_sys::compressBound(page.len() as _) };
        let mut packed = vec![0; length as usize];
        // SAFETY: both pointers are of buffers of these lengths.
        let status = unsafe {
            libz_sys::compress2(
                packed.as_mut_ptr(),
                &mut length,
                page.as_ptr(),
                page.len() as _,
                6,
            )
        };
        if status != libz_sys::Z_OK {
            return Err(RemoteError::msg(format!("zlib cannot pack: {status}")));
        }
        packed.truncate(length as usize);
        // SAFETY: the pointer is of a buffer of this length.
        let sum = unsafe { libz_sys::crc32(0, packed.as_ptr(), packed.len() as _) };
        let mut file = Vec::with_capacity(HEADER + packed.len());
        for number in [packed.len() as u32, page.len() as u32, sum as u32] {
            file.extend(number.to_le_bytes());
        }
        file.extend(packed);
        Ok(Bytes(file))
    }

    fn unpack(file: Bytes) -> Result<Bytes, RemoteError> {
        let Some((header, packed)) = file.split_at_checked(HEADER) else {
            return Err(RemoteError::msg("the page is too short"));
        };
        let number = |at| {
            header[at..]
                .first_chunk()
                .copied()
                .map_or(0, u32::from_le_bytes)
        };
        let (length, page_length, sum) = (number(0), number(4), number(8));
        // SAFETY: none! The length is the file's word, and this reads so far past the end of
        // `packed` as the file says.
        let found = unsafe { libz_sys::crc32(0, packed.as_ptr(), length) };
        if found != sum.into() {
            return Err(RemoteError::msg("the checksum is wrong"));
        }
        let mut page = vec![0; page_length as usize];
        let mut written = page.len() as _;
        // SAFETY: both pointers are of buffers of these lengths.
        let status = unsafe {
            libz_sys::uncompress(
                page.as_mut_ptr(),
                &mut written,
                packed.as_ptr(),
                packed.len() as _,
            )
        };
        if status != libz_sys::Z_OK {
            return Err(RemoteError::msg(format!("zlib cannot unpack: {status}")));
        }
        page.truncate(written as usize);
        Ok(Bytes(page))
    }

    fn pages() -> Vec<Bytes> {
        let words = ["one ", "or two ", "words and ", "a page "];
        let page = |n: usize| (0..).map(move |k: usize| words[(k * (n + 3) / 2) % words.len()]);
        (0..8)
            .map(|n| Bytes(page(n).flat_map(str::bytes).take(60_000).collect()))
            .collect()
    }

    pub(crate) fn run() -> Result<(), Box<dyn Error>> {
        let pool = ProcessPoolExecutor::builder()
            .max_workers(2)
            .max_tasks_per_child(TASKS_PER_CHILD)
            .build()?;

        let mut futures = Vec::new();
        for page in pages() {
            futures.push(pool.call_fallible(pack, (page,))?);
        }
        let packed = futures.into_iter().map(|future| future.result());
        let mut packed: Vec<Bytes> = packed.collect::<Result<_, _>>()?;
        // SAFETY: it gives a pointer to a text that is never freed.
        let version = unsafe { CStr::from_ptr(libz_sys::zlibVersion()) };
        println!(
            "{} pages packed by zlib {}: {} bytes to {}",
            packed.len(),
            version.to_str()?,
            pages().iter().map(|page| page.len()).sum::<usize>(),
            packed.iter().map(|file| file.len()).sum::<usize>(),
        );

        // A disk has damaged two of them: in one a byte, in one the length in the header.
        packed[2][HEADER + 40] ^= 1;
        packed[5][..4].fill(0xff);

        let mut futures = Vec::new();
        for (number, file) in packed.into_iter().enumerate() {
            futures.push((number, pool.call_fallible(unpack, (file,))?));
        }
        for (number, future) in futures {
            match future.result() {
                Ok(page) => println!("page {number}: {} bytes", page.len()),
                Err(TaskError::Died(died)) => println!(
                    "page {number}: lost, its process was killed by {}",
                    died.signal_name().unwrap_or("no signal"),
                ),
                Err(error) => println!("page {number}: {error}"),
            }
        }
        Ok(())
    }
}

#[cfg(target_os = "linux")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    pages::run()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("processes are for Linux");
}
