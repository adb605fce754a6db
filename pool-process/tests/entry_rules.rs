//! Which offsets are believed: P11's rule.

#![cfg(not(cf_loom))]

mod support;

use future_core::{Call, Job, Portable};
use pool_process::parts::wire::Failure;
use pool_process::parts::{EntryId, NoEntry};
use serde::{Deserialize, Serialize};
use support::{Driver, entry_of};

fn add(a: u32, b: u32) -> u32 {
    a + b
}

#[derive(Serialize, Deserialize)]
struct Double(u32);

impl Job for Double {
    type Output = u32;
    fn run(self) -> u32 {
        self.0 * 2
    }
}

// P11
#[test]
fn an_entry_runs_its_job_and_tells_its_name() {
    let id = EntryId::of::<Double>().unwrap();
    let entry = EntryId::resolve(id.offset()).unwrap();
    assert!(entry.name().ends_with("Double"));
    let (mut data, mut output) = (Vec::new(), Vec::new());
    Double(21).encode(&mut data).unwrap();
    #[allow(unsafe_code)]
    // SAFETY: encoded by a job of the entry's type, here.
    let result = unsafe { entry.run(&data, &mut output) };
    assert_eq!(result, Ok(()));
    assert_eq!(Double::decode_output(&output).unwrap(), 42);
    let call = entry_of(&Call(add, (1, 2)));
    assert!(
        EntryId::resolve(call.offset())
            .unwrap()
            .name()
            .ends_with("add")
    );
}

// P11
#[test]
fn of_all_offsets_only_those_of_entries_are_believed() {
    let id = EntryId::of::<Double>().unwrap().offset();
    // From there to both ends of the segment, at each place where an entry could be.
    let inside = |offset: &u64| !matches!(EntryId::resolve(*offset), Err(NoEntry::Outside));
    let below = (0..=id / 16).rev().map(|n| n * 16).take_while(inside);
    let above = (id / 16 + 1..).map(|n| n * 16).take_while(inside);
    let all: Vec<u64> = below.chain(above).collect();
    let (mut entries, mut others) = (Vec::new(), 0);
    for offset in &all {
        match EntryId::resolve(*offset) {
            Ok(entry) => entries.push((offset, entry.name())),
            Err(error) => {
                assert_eq!(error, NoEntry::Magic);
                others += 1;
            }
        }
        for inner in [1, 4, 8, 15] {
            assert_eq!(
                EntryId::resolve(offset + inner).unwrap_err(),
                NoEntry::Unaligned
            );
        }
    }
    assert!(others > entries.len());
    assert!(entries.iter().any(|(offset, _)| **offset == id));
    // The record has to be wholly inside.
    let last = *all.iter().max().unwrap();
    assert_eq!(EntryId::resolve(last + 16).unwrap_err(), NoEntry::Outside);
    for offset in [0, 16, 1 << 46, u64::MAX - 15, 0_u64.wrapping_sub(id & !15)] {
        let error = EntryId::resolve(offset).unwrap_err();
        assert_eq!(error, NoEntry::Outside);
        assert!(!error.to_string().is_empty());
    }
}

// P11
#[test]
fn an_offset_without_an_entry_fails_its_task_only() {
    let mut worker = Driver::ready();
    let id = EntryId::of::<Double>().unwrap().offset();
    for offset in [0, 16, id + 1, id + 8, 1 << 46, u64::MAX, u64::MAX - 15] {
        let ticket = worker.push_raw(EntryId::from_offset(offset), &[], false);
        match worker.failure(ticket) {
            Failure::NoEntry { entry, .. } => assert_eq!(entry, offset),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(worker.call(add, (2, 3)), 5);
    worker.retire();
}

// P11
#[test]
fn another_jobs_data_fails_to_decode_or_is_data() {
    let mut worker = Driver::ready();
    let id = entry_of(&Call(add, (1, 2)));
    for payload in [&[][..], &[1], &[1, 2, 3], &[0xff; 20]] {
        let ticket = worker.push_raw(id, payload, false);
        assert!(matches!(
            worker.failure(ticket),
            Failure::Undecodable { .. }
        ));
    }
    assert_eq!(worker.call(add, (2, 3)), 5);
    worker.retire();
}
