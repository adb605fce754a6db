//! A link to a worker that is made up here, so that each byte comes when the test wants it.

use std::collections::VecDeque;
use std::fs::File;
use std::sync::Mutex;
use std::sync::atomic::Ordering;

use super::*;
use crate::linux_memory::OUTBOX;
use crate::linux_region::Region;
use crate::process::{Exit, Signal};
use crate::wire::{Order, ToWorker, WINDOW_MAX};

#[derive(Debug, Default)]
struct Wire {
    to_worker: Vec<u8>,
    /// How many bytes the channel takes at a time; then it blocks once.
    room: Option<usize>,
    blocked: bool,
    /// How many descriptors were passed at a time.
    passed: Vec<usize>,
    from_worker: VecDeque<u8>,
    closed: bool,
}

#[derive(Debug)]
struct Fake {
    wire: Arc<Mutex<Wire>>,
    file: File,
}

impl AsFd for Fake {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Channel for Fake {
    fn send(&mut self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut wire = self.wire.lock().unwrap();
        let Some(room) = wire.room else {
            wire.to_worker.extend_from_slice(&bytes[0]);
            return Ok(bytes[0].len());
        };
        wire.blocked = !wire.blocked;
        if wire.blocked {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let len = room.min(bytes[0].len());
        wire.to_worker.extend_from_slice(&bytes[0][..len]);
        Ok(len)
    }

    fn send_with(&mut self, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<usize> {
        let sent = self.send(&[IoSlice::new(bytes)])?;
        self.wire.lock().unwrap().passed.push(descriptors.len());
        Ok(sent)
    }

    fn receive(&mut self, into: &mut Vec<u8>) -> io::Result<usize> {
        let mut wire = self.wire.lock().unwrap();
        let len = wire.from_worker.len();
        if len == 0 && !wire.closed {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        into.extend(wire.from_worker.drain(..));
        Ok(len)
    }
}

#[derive(Debug)]
struct Nobody(File);

impl Process for Nobody {
    fn id(&self) -> u32 {
        0
    }

    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    fn signal(&self, _: Signal) -> io::Result<()> {
        Ok(())
    }

    fn try_wait(&mut self) -> io::Result<Option<Exit>> {
        Ok(Some(Exit::Unknown))
    }
}

/// A link, and the other end of its wire.
fn link() -> (Link, Arc<Mutex<Wire>>) {
    let null = || File::open("/dev/null").unwrap();
    let wire = Arc::new(Mutex::default());
    let link = Link::new(Launched {
        channel: Box::new(Fake {
            wire: Arc::clone(&wire),
            file: null(),
        }),
        process: Box::new(Nobody(null())),
        control: Arc::new(Control::create().unwrap()),
        stderr: None,
    });
    (link, wire)
}

/// The first bytes of a worker.
fn greeting() -> Vec<u8> {
    let mut bytes = Vec::new();
    Encoder(&mut bytes).hello(&Hello {
        build: BuildId::own(),
        name: String::new(),
    });
    Encoder(&mut bytes).ready();
    bytes
}

fn push(link: &mut Link, payload: &[u8]) -> Ticket {
    let task = TaskToSend {
        entry: EntryId::from_offset(0),
        payload,
        attached: &[],
        timed: false,
    };
    link.push(task).unwrap()
}

fn start(link: &Link, ticket: Ticket) {
    let claims = &link.control.memory().page().claims;
    assert!(claims[usize::from(ticket.slot)].start(ticket));
}

fn tickets(reports: &[Report]) -> Vec<Ticket> {
    let ticket = |report: &Report| match report {
        Report::Finished { ticket, .. } => Some(*ticket),
        _ => None,
    };
    reports.iter().filter_map(ticket).collect()
}

/// Wherever a worker dies while it sends, each answer arrives once.
#[test]
fn what_was_finished_and_not_sent_is_recovered_from_the_outbox() {
    let total = {
        let mut bytes = greeting();
        for generation in 0..3 {
            let ticket = Ticket {
                slot: 0,
                generation,
            };
            Encoder(&mut bytes).finished(ticket, &Payload::Inline(b"output"));
        }
        bytes.len()
    };
    let hello = greeting().len() - crate::wire::HEADER;
    for sent in hello..=total {
        let (mut link, wire) = link();
        let pushed = [0; 4].map(|_| push(&mut link, b"data"));
        let mut bytes = greeting();
        for ticket in &pushed[..3] {
            start(&link, *ticket);
            Encoder(&mut bytes).finished(*ticket, &Payload::Inline(b"output"));
        }
        start(&link, pushed[3]);
        // The hello is not sent through the outbox.
        let page = link.control.memory().page();
        page.put(hello as u64, &bytes[hello..]);
        // ORDERING: one thread.
        page.outbox_end.store(bytes.len() as u64, Ordering::Release);

        let mut reports = Vec::new();
        wire.lock().unwrap().from_worker.extend(&bytes[..sent]);
        let received = link.receive(&mut |report| reports.push(report)).unwrap();
        assert_eq!(received, Received::Blocked);
        wire.lock().unwrap().closed = true;
        let received = link.receive(&mut |report| reports.push(report)).unwrap();
        assert_eq!(received, Received::Closed);
        link.recover(&mut |report| reports.push(report)).unwrap();
        assert!(matches!(reports[0], Report::Ready));
        assert_eq!(tickets(&reports), pushed[..3]);
        let lost = Lost {
            ticket: pushed[3],
            started: true,
        };
        assert_eq!(link.lost(), [lost]);
        assert_eq!((link.lost(), link.in_flight()), (Vec::new(), 0));
    }
}

#[test]
fn an_outbox_of_garbage_gives_nothing() {
    for end in [0, 1, 1000 + OUTBOX as u64, u64::MAX] {
        let (mut link, wire) = link();
        wire.lock().unwrap().from_worker.extend(greeting());
        link.receive(&mut |_| ()).unwrap();
        let page = link.control.memory().page();
        // ORDERING: one thread.
        page.outbox_end.store(end, Ordering::Release);
        link.recover(&mut |report| panic!("{report:?}")).unwrap();
    }
    // Bytes that are no frames are a broken protocol.
    let (mut link, wire) = link();
    wire.lock().unwrap().from_worker.extend(greeting());
    link.receive(&mut |_| ()).unwrap();
    let page = link.control.memory().page();
    page.put(greeting().len() as u64, &[0xff; 100]);
    let end = greeting().len() as u64 + 100;
    // ORDERING: one thread.
    page.outbox_end.store(end, Ordering::Release);
    let result = link.recover(&mut |report| panic!("{report:?}"));
    assert!(matches!(
        result,
        Err(LinkError::Wire(WireError::UnknownKind { .. }))
    ));
}

#[test]
fn orders_go_out_in_their_order_through_a_channel_with_little_room() {
    let (mut link, wire) = link();
    wire.lock().unwrap().room = Some(7);
    link.begin(None);
    let pushed: Vec<_> = (0..10_u8).map(|i| push(&mut link, &[i; 20])).collect();
    link.retire();
    assert!(link.wants_write());
    while !link.flush().unwrap() {
        assert!(link.wants_write());
    }
    assert!(!link.wants_write());
    let mut decoder = Decoder::<ToWorker>::default();
    decoder.feed(&wire.lock().unwrap().to_worker);
    assert_eq!(decoder.next(), Ok(Some(Order::Begin(None))));
    for (i, ticket) in (0..10_u8).zip(pushed) {
        let task = Task {
            ticket,
            entry: 0,
            timed: false,
            attached: false,
            payload: Payload::Inline(&[i; 20]),
        };
        assert_eq!(decoder.next(), Ok(Some(Order::Task(task))));
    }
    assert_eq!(decoder.next(), Ok(Some(Order::Goodbye)));
    assert_eq!(decoder.next(), Ok(None));
}

#[test]
fn a_place_in_the_arena_is_free_again_however_its_task_ends() {
    let large = vec![1; LARGE];
    let (mut link, wire) = link();
    wire.lock().unwrap().from_worker.extend(greeting());
    link.receive(&mut |_| ()).unwrap();
    let taken = |link: &Link| link.taken.iter().filter(|taken| **taken).count();
    let all = [0; 4].map(|_| push(&mut link, &large));
    assert_eq!(taken(&link), 4);
    // Taken back by the link; by a user's thread; answered; lost.
    assert!(link.revoke(all[0]));
    assert_eq!(taken(&link), 3);
    assert!(link.control().revoke(all[1]));
    assert_eq!(taken(&link), 3);
    link.forget(all[1]);
    assert_eq!(taken(&link), 2);
    start(&link, all[2]);
    // It runs: it cannot be taken back, and is not forgotten.
    assert!(!link.revoke(all[2]));
    link.forget(all[2]);
    assert_eq!(taken(&link), 2);
    let mut bytes = Vec::new();
    Encoder(&mut bytes).finished(all[2], &Payload::Inline(&[]));
    wire.lock().unwrap().from_worker.extend(bytes);
    link.receive(&mut |_| ()).unwrap();
    assert_eq!(taken(&link), 1);
    assert_eq!(link.in_flight(), 1);
    let lost = Lost {
        ticket: all[3],
        started: false,
    };
    assert_eq!(link.lost(), [lost]);
    assert_eq!(taken(&link), 0);
    // The places are used again.
    for _ in 0..4 {
        push(&mut link, &large);
    }
    assert_eq!(link.taken.len(), 4);
}

#[test]
fn a_task_is_skipped_once_after_it_was_taken_back_and_never_otherwise() {
    let skipped = |link: &mut Link, wire: &Mutex<Wire>, ticket| {
        let mut bytes = Vec::new();
        Encoder(&mut bytes).skipped(ticket);
        wire.lock().unwrap().from_worker.extend(bytes);
        let mut reports = Vec::new();
        let result = link.receive(&mut |report| reports.push(report));
        result.map(|_| reports.len())
    };
    // By the link, by a user's thread before it is forgotten, and after.
    let (mut link, wire) = link();
    wire.lock().unwrap().from_worker.extend(greeting());
    link.receive(&mut |_| ()).unwrap();
    let all = [0; 4].map(|_| push(&mut link, b"data"));
    assert!(link.revoke(all[0]));
    assert!(matches!(skipped(&mut link, &wire, all[0]), Ok(1)));
    assert!(link.control().revoke(all[1]));
    assert!(matches!(skipped(&mut link, &wire, all[1]), Ok(1)));
    link.forget(all[1]);
    assert!(link.control().revoke(all[2]));
    link.forget(all[2]);
    assert_eq!(link.in_flight(), 1);
    assert!(matches!(skipped(&mut link, &wire, all[2]), Ok(1)));
    // One that is queued is not skipped, nor is any twice.
    let error = skipped(&mut link, &wire, all[3]).unwrap_err();
    assert!(matches!(
        error,
        LinkError::Wire(WireError::NotInFlight { .. })
    ));
}

#[test]
fn payloads_without_a_place_go_in_their_frames() {
    let large = vec![1; LARGE];
    let (mut link, wire) = link();
    for _ in 0..crate::wire::PLACES + 1 {
        push(&mut link, &large);
    }
    link.flush().unwrap();
    let mut decoder = Decoder::<ToWorker>::default();
    decoder.feed(&wire.lock().unwrap().to_worker);
    let mut inline = 0;
    while let Some(Order::Task(task)) = decoder.next().unwrap() {
        if let Payload::Inline(bytes) = task.payload {
            assert_eq!(bytes, large);
            inline += 1;
        }
    }
    assert_eq!(inline, 1);
}

#[test]
fn another_build_is_refused_by_name() {
    let (mut link, wire) = link();
    let mut bytes = greeting();
    // The first byte of the build's identity, behind header, protocol, its kind and length.
    bytes[crate::wire::HEADER + 4 + 2] ^= 1;
    bytes.truncate(bytes.len() - crate::wire::HEADER);
    wire.lock().unwrap().from_worker.extend(bytes);
    let mut reports = Vec::new();
    link.receive(&mut |report| reports.push(report)).unwrap();
    match &reports[..] {
        [Report::Refused(why)] => assert!(why.contains("another build"), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_neither_memory_nor_a_frame_holds_is_refused_and_leaves_nothing() {
    let (mut link, _) = link();
    // There is no place in it.
    link.arena = Arena::new(TASKS_AT, TASKS_AT);
    let vast = vec![0; crate::wire::MAX_BODY];
    let task = |payload| TaskToSend {
        entry: EntryId::from_offset(0),
        payload,
        attached: &[],
        timed: false,
    };
    assert_eq!(link.push(task(&vast)), Err(NotQueued::TooLarge));
    assert!(!link.wants_write());
    assert_eq!(link.in_flight(), 0);
    for _ in 0..WINDOW_MAX {
        push(&mut link, b"small");
    }
    assert_eq!(link.push(task(b"small")), Err(NotQueued::Full));
}

#[test]
fn regions_are_passed_with_the_first_byte_of_their_task_and_not_too_many_at_once() {
    let (mut link, wire) = link();
    let region = || {
        let region = Region::new(100, true, |_| Ok(())).unwrap();
        Attached(Arc::new(region))
    };
    let attached: Vec<_> = (0..40).map(|_| region()).collect();
    let mut push_with = |count: usize| {
        let task = TaskToSend {
            entry: EntryId::from_offset(0),
            payload: b"task",
            attached: &attached[..count],
            timed: false,
        };
        link.push(task).unwrap()
    };
    let tickets = [3, 0, 40, 40, 1].map(&mut push_with);
    assert!(link.flush().unwrap());
    // The fourth would make too many that nobody has answered.
    assert_eq!(wire.lock().unwrap().passed, [3, 40]);
    assert!(link.wants_write());
    // One that is taken back before it was sent is sent all the same, with what goes with it: the
    // worker counts on it.
    assert!(link.revoke(tickets[3]));
    assert!(link.revoke(tickets[2]));
    assert!(link.flush().unwrap());
    assert_eq!(wire.lock().unwrap().passed, [3, 40, 40, 1]);
    assert!(!link.wants_write());
    drop(link);
    for attached in attached {
        assert_eq!(Arc::strong_count(&attached.0), 1);
    }
}
