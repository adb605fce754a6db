//! How workers die, and what the parent then knows: exactly which task was lost, and how.

#![cfg(not(cf_loom))]
#![allow(unsafe_code)]

mod support;

use pool_process::parts::wire::Ticket;
use pool_process::parts::{Exit, Initializer, Lost, Report, Signal};
use support::{Driver, eventually};

fn add(a: u32, b: u32) -> u32 {
    a + b
}

fn signal(number: i32) -> impl Fn(Exit) -> bool {
    move |exit| matches!(exit, Exit::Signal { number: n, .. } if n == number)
}

fn code(code: i32) -> impl Fn(Exit) -> bool {
    move |exit| exit == Exit::Code(code)
}

/// A task dies after others that have finished and before others that have not begun. Those that
/// have finished are answered, though their answers were not sent yet; exactly one is lost.
fn dies(fatal: impl FnOnce(&mut Driver) -> Ticket, exit: impl Fn(Exit) -> bool) -> Driver {
    let mut worker = Driver::ready();
    let before = [0, 1, 2].map(|i| worker.push(add, (i, i)));
    let fatal = fatal(&mut worker);
    let after = [0, 1].map(|i| worker.push(add, (i, i)));
    let (found, reports, lost) = worker.death();
    assert!(exit(found), "{found}; {}", worker.stderr());
    let answered: Vec<Ticket> = reports
        .iter()
        .map(|report| match report {
            Report::Finished { ticket, .. } => *ticket,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(answered, before);
    let lost_so = |ticket, started| Lost { ticket, started };
    assert_eq!(
        lost,
        [
            lost_so(fatal, true),
            lost_so(after[0], false),
            lost_so(after[1], false)
        ]
    );
    assert_eq!(worker.link.in_flight(), 0);
    worker
}

// P4
#[test]
fn abort() {
    dies(
        |w| w.push(|| -> u32 { std::process::abort() }, ()),
        signal(libc::SIGABRT),
    );
}

// P4
#[test]
fn exit_of_any_code_and_from_any_thread() {
    dies(|w| w.push(|| -> u32 { std::process::exit(0) }, ()), code(0));
    dies(|w| w.push(|| -> u32 { std::process::exit(3) }, ()), code(3));
    dies(
        // SAFETY: no preconditions.
        |w| w.push(|| -> u32 { unsafe { libc::_exit(4) } }, ()),
        code(4),
    );
    dies(
        |w| {
            w.push(
                || {
                    let thread = std::thread::spawn(|| std::process::exit(5));
                    let _ = thread.join();
                },
                (),
            )
        },
        code(5),
    );
}

// P4
#[test]
fn segmentation_fault() {
    fn fault() {
        // SAFETY: none; this is the fault.
        unsafe { std::ptr::without_provenance_mut::<u8>(8).write_volatile(1) };
    }
    let worker = dies(|w| w.push(fault, ()), signal(libc::SIGSEGV));
    assert!(!worker.link.control().stack_overflowed());
}

// P4
#[test]
fn a_signal_that_somebody_sends() {
    fn raise(number: i32) {
        // SAFETY: no preconditions.
        unsafe { libc::raise(number) };
    }
    for number in [libc::SIGKILL, libc::SIGTERM, libc::SIGSEGV] {
        let worker = dies(|w| w.push(raise, (number,)), signal(number));
        assert!(!worker.link.control().stack_overflowed());
    }
}

// P4
#[test]
fn an_overflowing_stack_is_reported_as_one() {
    fn deeper(n: u64) -> u64 {
        let frame = std::hint::black_box([n; 64]);
        if n == 0 { 0 } else { deeper(n - 1) + frame[63] }
    }
    let mut worker = dies(|w| w.push(deeper, (u64::MAX,)), signal(libc::SIGSEGV));
    assert!(worker.link.control().stack_overflowed());
    assert!(worker.stderr().contains("overflowed its stack"));
}

// P4
#[test]
fn a_task_that_closes_everything_loses_nothing_that_has_finished() {
    fn close_all() {
        // SAFETY: none; this is the fault.
        unsafe { libc::close_range(0, u32::MAX, 0) };
    }
    let mut worker = Driver::ready();
    let before = worker.push(add, (1, 2));
    let closing = worker.push(close_all, ());
    let after = worker.push(add, (1, 2));
    let (_, reports, lost) = worker.death();
    // Its answer reaches the parent through the shared memory, when the channel is no more.
    let answered: Vec<Ticket> = reports
        .iter()
        .map(|report| match report {
            Report::Finished { ticket, .. } => *ticket,
            other => panic!("{other:?}"),
        })
        .collect();
    let answered_or_lost: Vec<Ticket> = answered
        .iter()
        .copied()
        .chain(lost.iter().map(|lost| lost.ticket))
        .collect();
    assert_eq!(answered_or_lost, [before, closing, after]);
    assert!(answered.len() >= 2);
}

#[test]
fn idle_and_busy_workers_can_be_killed() {
    fn for_ever() {
        loop {
            std::thread::park();
        }
    }
    fn stubborn() {
        // SAFETY: an action that needs nothing.
        unsafe { libc::signal(libc::SIGTERM, libc::SIG_IGN) };
        for_ever();
    }

    let mut idle = Driver::ready();
    idle.link.process.signal(Signal::Terminate).unwrap();
    let (exit, _, lost) = idle.death();
    assert!(signal(libc::SIGTERM)(exit) && lost.is_empty());
    // Once it is dead, a signal is no error.
    idle.link.process.signal(Signal::Kill).unwrap();

    let mut busy = Driver::ready();
    let task = busy.push(stubborn, ());
    busy.flush();
    let control = busy.link.control().clone();
    eventually("it did not start", || control.started(task));
    eventually("it does not ignore the signal", || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", busy.link.process.id()));
        status.unwrap().lines().any(|line| {
            line.strip_prefix("SigIgn:").is_some_and(|mask| {
                let mask = u64::from_str_radix(mask.trim(), 16).unwrap();
                mask & 1 << (libc::SIGTERM - 1) != 0
            })
        })
    });
    busy.link.process.signal(Signal::Terminate).unwrap();
    assert_eq!(busy.link.process.try_wait().unwrap(), None);
    busy.link.process.signal(Signal::Kill).unwrap();
    let (exit, _, lost) = busy.death();
    assert!(signal(libc::SIGKILL)(exit));
    assert_eq!(
        lost,
        [Lost {
            ticket: task,
            started: true
        }]
    );
}

#[test]
fn a_stopped_worker_can_be_killed() {
    let mut worker = Driver::ready();
    // SAFETY: our own child.
    unsafe { libc::kill(worker.link.process.id() as i32, libc::SIGSTOP) };
    let task = worker.push(add, (1, 2));
    worker.flush();
    worker.link.process.signal(Signal::Kill).unwrap();
    let (exit, _, lost) = worker.death();
    assert!(signal(libc::SIGKILL)(exit));
    // It may have begun it before the signal stopped it; then it was answered.
    assert!(lost.len() <= 1 && lost.iter().all(|lost| lost.ticket == task));
}

// P9
#[test]
fn what_a_task_has_started_ends_with_its_worker() {
    fn start_child() -> u32 {
        let child = std::process::Command::new("sleep").arg("1000").spawn();
        child.unwrap().id()
    }
    let mut worker = Driver::ready();
    let grandchild = worker.call(start_child, ());
    worker.link.process.signal(Signal::Kill).unwrap();
    worker.death();
    eventually("the grandchild is alive", || is_gone(grandchild));

    // Also when the worker ends by itself.
    let mut worker = Driver::ready();
    let grandchild = worker.call(start_child, ());
    worker.push(|| -> u32 { std::process::exit(0) }, ());
    worker.death();
    eventually("the grandchild is alive", || is_gone(grandchild));
}

/// Ended, though whoever inherited it may not have waited for it.
fn is_gone(id: u32) -> bool {
    match std::fs::read_to_string(format!("/proc/{id}/stat")) {
        Ok(stat) => stat.rsplit(") ").next().unwrap().starts_with(['Z', 'X']),
        Err(_) => true,
    }
}

// P9
#[test]
fn a_dropped_link_leaves_no_process() {
    let worker = Driver::ready();
    let id = worker.link.process.id();
    drop(worker);
    assert!(!std::fs::exists(format!("/proc/{id}")).unwrap());
}

// P4
#[test]
fn a_worker_that_dies_while_much_is_sent_to_it() {
    let mut worker = Driver::ready();
    let fatal = worker.push(|| -> u32 { std::process::abort() }, ());
    let mut tickets = vec![fatal];
    for _ in 0..1000 {
        // Below what goes through the arena.
        tickets.push(worker.push(|b: pool_process::Bytes| b.len(), (vec![1; 60_000].into(),)));
    }
    let (exit, reports, lost) = worker.death();
    assert!(signal(libc::SIGABRT)(exit));
    assert!(reports.is_empty());
    let lost_tickets: Vec<Ticket> = lost.iter().map(|lost| lost.ticket).collect();
    assert_eq!(lost_tickets, tickets);
    assert!(lost[0].started && lost[1..].iter().all(|lost| !lost.started));
}

#[test]
fn initializers_fail_by_error_and_by_panic_and_by_death() {
    fn fails(text: String) -> Result<u32, String> {
        Err(text)
    }
    fn panics() -> Result<u32, String> {
        panic!("at the start")
    }
    fn dies() -> Result<u32, String> {
        std::process::exit(9)
    }

    for (initializer, text) in [
        (Initializer::new(fails, ("no luck".to_owned(),)), "no luck"),
        (Initializer::new(panics, ()), "at the start"),
    ] {
        let mut worker = Driver::launch(&Default::default());
        worker.link.begin(Some(&initializer.unwrap()));
        let task = worker.push(add, (1, 2));
        match worker.next() {
            Ok(Report::InitializerFailed(failure)) => {
                assert!(failure.to_string().contains(text), "{failure}");
            }
            other => panic!("{other:?}"),
        }
        let (exit, reports, lost) = worker.death();
        assert_eq!(exit, Exit::Code(71));
        assert!(reports.is_empty());
        assert_eq!(
            lost,
            [Lost {
                ticket: task,
                started: false
            }]
        );
    }
    let mut worker = Driver::launch(&Default::default());
    worker
        .link
        .begin(Some(&Initializer::new(dies, ()).unwrap()));
    assert_eq!(worker.death().0, Exit::Code(9));
}
