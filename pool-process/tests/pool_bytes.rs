//! Large bytes, which travel beside the data of their task.

#![cfg(not(cf_loom))]

mod pool_support;

use std::sync::Mutex;

use pool_process::{Bytes, MapOptions, ProcessPoolExecutor, SharedBytes, TaskError};
use pool_support::{Folder, LONG, died};
use serde::{Deserialize, Serialize};

const LARGE: usize = 64 * 1024;

fn pool(workers: usize) -> ProcessPoolExecutor {
    ProcessPoolExecutor::new(workers).unwrap()
}

/// Bytes that are not the same anywhere.
fn pattern(len: usize) -> Vec<u8> {
    (0..len as u32)
        .flat_map(|n| n.to_le_bytes())
        .take(len)
        .collect()
}

fn same<T>(value: T) -> T {
    value
}

#[test]
fn bytes_of_every_length_come_back() {
    let pool = pool(2);
    for len in [0, 1, LARGE - 1, LARGE, LARGE + 1, 3 << 20, 70 << 20] {
        let bytes = pattern(len);
        let owned = pool.call(same::<Bytes>, (Bytes(bytes.clone()),)).unwrap();
        let shared = SharedBytes::from(bytes.clone());
        let shared = pool.call(same::<SharedBytes>, (shared,)).unwrap();
        assert!(owned.result().unwrap().0 == bytes, "{len}");
        assert!(*shared.result().unwrap() == *bytes, "{len}");
    }
}

#[test]
fn bytes_are_the_tasks_own() {
    fn reversed(mut bytes: Bytes) -> Bytes {
        bytes.reverse();
        bytes
    }
    let pool = pool(1);
    let bytes = pattern(1 << 20);
    let future = pool.call(reversed, (Bytes(bytes.clone()),)).unwrap();
    assert!(future.result().unwrap().iter().eq(bytes.iter().rev()));
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Page {
    number: u32,
    owned: Vec<Bytes>,
    shared: Option<SharedBytes>,
    title: String,
}

fn page(number: u32) -> Page {
    let owned = (0..3).map(|n| Bytes(vec![n; LARGE * usize::from(n)]));
    Page {
        number,
        owned: owned.collect(),
        shared: Some(pattern(LARGE + number as usize).into()),
        title: "a title".to_owned(),
    }
}

#[test]
fn bytes_travel_inside_other_types() {
    let pool = pool(2);
    let futures: Vec<_> = (0..20)
        .map(|n| pool.call(same::<Page>, (page(n),)).unwrap())
        .collect();
    for (n, future) in (0..).zip(futures) {
        assert!(future.result().unwrap() == page(n));
    }
    let made = pool.call(page, (7,)).unwrap();
    assert!(made.result().unwrap() == page(7));
}

#[test]
fn items_of_a_map_share_what_they_have_in_common() {
    let pool = pool(2);
    let whole = SharedBytes::from(pattern(1 << 20));
    let at = |(whole, at): (SharedBytes, usize)| whole[at];
    let items = (0..2000).map(|n| (whole.clone(), n * 500));
    let found: Result<Vec<u8>, _> = pool.map(at, items).collect();
    let expected: Vec<u8> = (0..2000).map(|n| whole[n * 500]).collect();
    assert_eq!(found.unwrap(), expected);
    // More regions than go with one task.
    let options = MapOptions::new().chunksize(100.try_into().unwrap());
    let many = (0..100).map(|n| SharedBytes::from(vec![n; LARGE]));
    let back: Result<Vec<_>, _> = pool.map_with(options, same::<SharedBytes>, many).collect();
    for (n, bytes) in (0..).zip(back.unwrap()) {
        assert!(*bytes == vec![n; LARGE]);
    }
}

#[test]
fn a_part_that_comes_back_lies_where_it_was() {
    fn half(bytes: SharedBytes) -> SharedBytes {
        bytes.slice(..bytes.len() / 2)
    }
    let pool = pool(1);
    let bytes = SharedBytes::from(pattern(1 << 20));
    let part = pool.call(half, (bytes.slice(100..),)).unwrap();
    let part = part.result().unwrap();
    assert_eq!(part.len(), ((1 << 20) - 100) / 2);
    assert_eq!(part.as_ptr(), bytes[100..].as_ptr());
    // It can go on to the next task.
    let again = pool.call(half, (part,)).unwrap().result().unwrap();
    assert_eq!(again.as_ptr(), bytes[100..].as_ptr());
    // A short part as well.
    let short = pool
        .call(same::<SharedBytes>, (bytes.slice(5..7),))
        .unwrap();
    assert_eq!(short.result().unwrap().as_ptr(), bytes[5..].as_ptr());
    // What a worker has made is copied, and can be shared again.
    let made = pool
        .call(|n: usize| SharedBytes::from(pattern(n)), (300_000,))
        .unwrap();
    let made = made.result().unwrap();
    assert!(*made == *pattern(300_000));
    let back = pool.call(same::<SharedBytes>, (made.clone(),)).unwrap();
    assert_eq!(back.result().unwrap().as_ptr(), made.as_ptr());
}

#[test]
fn what_a_task_keeps_stays_as_it_was() {
    static KEPT: Mutex<Vec<SharedBytes>> = Mutex::new(Vec::new());

    /// Keeps what it gets, and looks at what it has kept.
    fn keep(bytes: SharedBytes) -> bool {
        let mut kept = KEPT.lock().unwrap();
        kept.push(bytes);
        let mut kept = kept.iter().enumerate();
        kept.all(|(n, bytes)| bytes.len() == 200_000 && bytes.iter().all(|b| *b == n as u8))
    }

    let pool = pool(1);
    for n in 0..20 {
        // The memory of the one before could be used for this one.
        let bytes = SharedBytes::from(vec![n; 200_000]);
        assert!(pool.call(keep, (bytes,)).unwrap().result().unwrap());
        // So could this task's.
        let other = Bytes(vec![255; 200_000]);
        pool.call(same::<Bytes>, (other,))
            .unwrap()
            .result()
            .unwrap();
    }
    // Also by tasks that fail.
    fn keep_and_panic(bytes: SharedBytes) {
        KEPT.lock().unwrap().push(bytes);
        panic!("on purpose");
    }
    let bytes = SharedBytes::from(vec![20; 200_000]);
    let failed = pool.call(keep_and_panic, (bytes,)).unwrap().result();
    assert!(matches!(failed, Err(TaskError::Panicked(_))));
    for n in 21..25 {
        let bytes = SharedBytes::from(vec![n; 200_000]);
        assert!(pool.call(keep, (bytes,)).unwrap().result().unwrap());
    }
}

#[test]
fn bytes_that_look_like_something_else_are_themselves() {
    // How what stands for bytes elsewhere begins.
    let mark = b"\x93\xf1cf-out-of-band";
    let token = |kind: u8, len: u64| {
        let mut token = mark.to_vec();
        token.push(kind);
        token.extend([0; 10]);
        token.extend(len.to_le_bytes());
        token
    };
    let pool = pool(1);
    for bytes in [
        mark.to_vec(),
        token(0, 5),
        token(1, 5),
        token(2, 5),
        token(0, u64::MAX),
    ] {
        let both = (Bytes(bytes.clone()), SharedBytes::from(bytes.clone()));
        let secret = Bytes(vec![42; LARGE]);
        let future = pool
            .call(|a: Bytes, b: (Bytes, SharedBytes)| (b, a), (secret, both))
            .unwrap();
        let ((owned, shared), _) = future.result().unwrap();
        assert_eq!(owned.0, bytes);
        assert_eq!(*shared, *bytes);
    }
}

#[test]
fn what_a_task_serialises_for_itself_is_not_touched() {
    fn written(bytes: Bytes, shared: SharedBytes) -> (usize, usize) {
        let owned = postcard::to_stdvec(&bytes).unwrap();
        let shared = postcard::to_stdvec(&shared).unwrap();
        assert!(postcard::from_bytes::<Bytes>(&owned).unwrap() == bytes);
        (owned.len(), shared.len())
    }
    let (len, prefix) = (LARGE, 3);
    let bytes = Bytes(vec![1; len]);
    let shared = SharedBytes::from(vec![1; len]);
    assert_eq!(
        written(bytes.clone(), shared.clone()),
        (len + prefix, len + prefix)
    );
    let there = pool(1).call(written, (bytes, shared)).unwrap();
    assert_eq!(there.result().unwrap(), (len + prefix, len + prefix));
}

#[test]
fn many_threads_read_and_send_at_once() {
    let pool = pool(2);
    let common = SharedBytes::from(pattern(1 << 20));
    std::thread::scope(|scope| {
        for thread in 0..4_u8 {
            let (pool, common) = (&pool, &common);
            scope.spawn(move || {
                for n in 0..15 {
                    let bytes = Bytes(vec![thread * 16 + n; 200_000]);
                    let task = |bytes: Bytes, common: SharedBytes| (bytes, common);
                    let future = pool.call(task, (bytes.clone(), common.clone())).unwrap();
                    let (back, common_back) = future.result().unwrap();
                    assert!(back == bytes);
                    assert_eq!(common_back.as_ptr(), common.as_ptr());
                }
            });
        }
    });
}

#[test]
fn a_task_that_is_tried_again_gets_the_same() {
    fn die_once(folder: String, owned: Bytes, shared: SharedBytes) -> usize {
        let file = format!("{folder}/tried");
        if !std::fs::exists(&file).unwrap() {
            std::fs::write(file, "").unwrap();
            std::process::abort();
        }
        assert!(owned.0 == pattern(300_000) && *shared == *owned.0);
        owned.len()
    }
    let folder = Folder::new();
    let pool = ProcessPoolExecutor::builder()
        .max_workers(1)
        .pass_stderr_on(false)
        .on_crash(pool_process::OnCrash::FailTask { retries: 1 })
        .build()
        .unwrap();
    let bytes = pattern(300_000);
    let shared = SharedBytes::from(bytes.clone());
    let future = pool
        .call(die_once, (folder.file(""), Bytes(bytes), shared))
        .unwrap();
    assert_eq!(future.result_timeout(LONG).unwrap().unwrap(), 300_000);
}

#[test]
fn a_worker_that_dies_leaves_shared_bytes_alone() {
    let pool = ProcessPoolExecutor::builder()
        .max_workers(1)
        .pass_stderr_on(false)
        .build()
        .unwrap();
    let bytes = SharedBytes::from(pattern(1 << 20));
    let crash = |_: SharedBytes| std::process::abort();
    let dead = pool.call(crash, (bytes.clone(),)).unwrap();
    died::<()>(dead);
    assert!(*bytes == *pattern(1 << 20));
    let len = pool
        .call(|bytes: SharedBytes| bytes.len(), (bytes,))
        .unwrap();
    assert_eq!(len.result().unwrap(), 1 << 20);
}

#[test]
fn more_shared_bytes_than_descriptors_for_them_are_copied() {
    let pool = pool(2);
    let all: Vec<_> = (0..600_u32)
        .map(|n| SharedBytes::from(n.to_le_bytes().repeat(LARGE / 4)))
        .collect();
    let first = |bytes: SharedBytes| u32::from_le_bytes(*bytes.first_chunk().unwrap());
    let futures: Vec<_> = all
        .iter()
        .map(|bytes| pool.call(first, (bytes.clone(),)).unwrap())
        .collect();
    for (n, future) in (0..).zip(futures) {
        assert_eq!(future.result().unwrap(), n);
    }
}

#[test]
fn a_worker_can_have_a_pool_of_its_own() {
    fn nested(bytes: SharedBytes) -> (Bytes, SharedBytes) {
        let pool = ProcessPoolExecutor::new(1).unwrap();
        let owned = pool.call(same::<Bytes>, (Bytes(bytes.to_vec()),)).unwrap();
        let shared = pool.call(same::<SharedBytes>, (bytes,)).unwrap();
        (owned.result().unwrap(), shared.result().unwrap())
    }
    let bytes = SharedBytes::from(pattern(200_000));
    let future = pool(1).call(nested, (bytes.clone(),)).unwrap();
    let (owned, shared) = future.result().unwrap();
    assert!(*owned.0 == *bytes && shared == bytes);
}

#[test]
fn shared_bytes_are_bytes() {
    let bytes = SharedBytes::copy_of(b"abcdef");
    assert_eq!(*bytes.slice(1..=2), *b"bc");
    assert_eq!(*bytes.slice(..), *b"abcdef");
    assert_eq!(*bytes.slice(6..), *b"");
    assert_eq!(bytes.slice(2..).slice(1..2), SharedBytes::copy_of(b"d"));
    assert_eq!(SharedBytes::default().len(), 0);
    assert_eq!(format!("{bytes:?}"), "SharedBytes(6)");
    let outside = std::panic::catch_unwind(|| bytes.slice(3..7));
    assert!(outside.is_err());
    for len in [0, 10, LARGE] {
        let zeros = SharedBytes::with_len(len, |_| {});
        assert!(zeros.len() == len && zeros.iter().all(|byte| *byte == 0));
    }
    fn usable<T: Send + Sync + Clone + std::hash::Hash + Eq + Default + AsRef<[u8]>>() {}
    usable::<SharedBytes>();
}
