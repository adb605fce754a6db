//! Frames survive the wire in pieces of any size, and bytes that are none are refused.

#![cfg(not(cf_loom))]

#[path = "support/wire.rs"]
mod wire;

use pool_process::parts::BuildId;
use pool_process::parts::wire::{
    Answer, Decoder, Direction, Encoder, Failure, FromWorker, GENERATIONS, HEADER, Hello, Location,
    MAX_BODY, Order, PLACES, Payload, Placed, Task, Ticket, ToWorker, WINDOW_MAX, WireError,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use wire::decode_all;

/// Payloads that own their bytes.
#[derive(Clone, Debug)]
enum Data {
    Inline(Vec<u8>),
    Placed(Placed),
}

impl Data {
    fn payload(&self) -> Payload<'_> {
        match self {
            Self::Inline(bytes) => Payload::Inline(bytes),
            Self::Placed(placed) => Payload::Placed(*placed),
        }
    }
}

#[derive(Clone, Debug)]
enum Said {
    Hello(Hello),
    Begin(Option<(u64, Vec<u8>)>),
    Task(Ticket, u64, [bool; 2], Data),
    Goodbye,
}

#[derive(Clone, Debug)]
enum Answered {
    Hello(Hello),
    Refused(String),
    Ready,
    InitializerFailed(Failure),
    Finished(Ticket, Data, Vec<Placed>, bool),
    Failed(Ticket, Failure, bool),
    Skipped(Ticket),
}

fn ticket() -> impl Strategy<Value = Ticket> {
    (0..WINDOW_MAX as u16, 0..GENERATIONS)
        .prop_map(|(slot, generation)| Ticket { slot, generation })
}

fn placed() -> impl Strategy<Value = Placed> {
    (0..PLACES as u16, any::<u64>(), any::<u64>()).prop_map(|(place, at, len)| Placed {
        place,
        at,
        len,
    })
}

fn data() -> impl Strategy<Value = Data> {
    prop_oneof![
        vec(any::<u8>(), 0..300).prop_map(Data::Inline),
        placed().prop_map(Data::Placed),
    ]
}

fn hello() -> impl Strategy<Value = Hello> {
    any::<String>().prop_map(|name| Hello {
        build: BuildId::own(),
        name,
    })
}

fn failure() -> impl Strategy<Value = Failure> {
    let location = (any::<String>(), any::<u32>(), any::<u32>())
        .prop_map(|(file, line, column)| Location { file, line, column });
    prop_oneof![
        (
            option::of(any::<String>()),
            option::of(location),
            option::of(any::<String>())
        )
            .prop_map(|(message, location, backtrace)| Failure::Panicked {
                message,
                location,
                backtrace
            }),
        any::<(String, String)>()
            .prop_map(|(type_name, message)| Failure::Undecodable { type_name, message }),
        any::<(String, String)>()
            .prop_map(|(type_name, message)| Failure::Unencodable { type_name, message }),
        any::<(u64, String)>().prop_map(|(entry, reason)| Failure::NoEntry { entry, reason }),
        any::<String>().prop_map(|message| Failure::Payload { message }),
        any::<u64>().prop_map(|len| Failure::TooLarge { len }),
        any::<String>().prop_map(|message| Failure::Initializer { message }),
    ]
}

fn said() -> impl Strategy<Value = Said> {
    prop_oneof![
        1 => hello().prop_map(Said::Hello),
        1 => option::of((any::<u64>(), vec(any::<u8>(), 0..50))).prop_map(Said::Begin),
        5 => (ticket(), any::<u64>(), any::<[bool; 2]>(), data())
            .prop_map(|(ticket, entry, flags, data)| Said::Task(ticket, entry, flags, data)),
        1 => Just(Said::Goodbye),
    ]
}

fn answered() -> impl Strategy<Value = Answered> {
    prop_oneof![
        1 => hello().prop_map(Answered::Hello),
        1 => any::<String>().prop_map(Answered::Refused),
        1 => Just(Answered::Ready),
        1 => failure().prop_map(Answered::InitializerFailed),
        5 => (ticket(), data(), vec(placed(), 0..3), any::<bool>())
            .prop_map(|(ticket, data, pieces, held)| Answered::Finished(ticket, data, pieces, held)),
        3 => (ticket(), failure(), any::<bool>())
            .prop_map(|(ticket, failure, held)| Answered::Failed(ticket, failure, held)),
        1 => ticket().prop_map(Answered::Skipped),
    ]
}

impl Said {
    fn order(&self) -> Order<'_> {
        match self {
            Self::Hello(hello) => Order::Hello(hello.clone()),
            Self::Begin(with) => Order::Begin(with.as_ref().map(|(e, bytes)| (*e, &bytes[..]))),
            Self::Task(ticket, entry, [timed, attached], data) => Order::Task(Task {
                ticket: *ticket,
                entry: *entry,
                timed: *timed,
                attached: *attached,
                payload: data.payload(),
            }),
            Self::Goodbye => Order::Goodbye,
        }
    }

    fn write(&self, to: &mut Encoder<'_>) {
        match self.order() {
            Order::Hello(hello) => to.hello(&hello),
            Order::Begin(with) => to.begin(with),
            Order::Task(task) => to.task(&task),
            Order::Goodbye => to.goodbye(),
        }
    }
}

impl Answered {
    fn answer(&self) -> Answer<'_> {
        match self {
            Self::Hello(hello) => Answer::Hello(hello.clone()),
            Self::Refused(why) => Answer::Refused(why),
            Self::Ready => Answer::Ready,
            Self::InitializerFailed(failure) => Answer::InitializerFailed(failure.clone()),
            Self::Finished(ticket, data, pieces, held) => Answer::Finished {
                ticket: *ticket,
                payload: data.payload(),
                pieces: pieces.clone(),
                held: *held,
            },
            Self::Failed(ticket, failure, held) => Answer::Failed {
                ticket: *ticket,
                failure: failure.clone(),
                held: *held,
            },
            Self::Skipped(ticket) => Answer::Skipped(*ticket),
        }
    }

    fn write(&self, to: &mut Encoder<'_>) {
        let start = to.0.len();
        match self.answer() {
            Answer::Hello(hello) => to.hello(&hello),
            Answer::Refused(why) => to.refused(why),
            Answer::Ready => to.ready(),
            Answer::InitializerFailed(failure) => to.initializer_failed(&failure),
            Answer::Finished {
                ticket,
                payload: Payload::Inline(bytes),
                pieces,
                held,
            } => {
                let written = to.finished_with(ticket, |to| {
                    to.extend_from_slice(bytes);
                    Ok::<(), ()>(())
                });
                assert_eq!(written, Ok(()));
                to.buffers(start, &pieces, held);
            }
            Answer::Finished {
                ticket,
                payload,
                pieces,
                held,
            } => {
                to.finished(ticket, &payload);
                to.buffers(start, &pieces, held);
            }
            Answer::Failed {
                ticket,
                failure,
                held,
            } => {
                to.failed(ticket, &failure);
                to.buffers(start, &[], held);
            }
            Answer::Skipped(ticket) => to.skipped(ticket),
        }
    }
}

/// Decodes what comes in pieces of these sizes, over and over.
fn feed<D: Direction>(bytes: &[u8], sizes: &[usize], mut each: impl FnMut(D::Frame<'_>)) {
    let mut decoder = Decoder::<D>::default();
    let mut rest = bytes;
    for size in sizes.iter().cycle() {
        let (head, tail) = rest.split_at((*size).min(rest.len()));
        rest = tail;
        decoder.feed(head);
        while let Some(frame) = decoder.next().unwrap() {
            each(frame);
        }
        if rest.is_empty() {
            break;
        }
    }
    assert_eq!(decoder.finish(), Ok(()));
}

proptest! {
    #[test]
    fn orders_arrive_as_they_were_sent(
        all in vec(said(), 0..20),
        pieces in vec(1_usize..100, 1..20),
    ) {
        let mut bytes = Vec::new();
        all.iter().for_each(|said| said.write(&mut Encoder(&mut bytes)));
        let mut found = all.iter();
        feed::<ToWorker>(&bytes, &pieces, |order| {
            assert_eq!(Some(order), found.next().map(Said::order));
        });
        prop_assert!(found.next().is_none());
    }

    #[test]
    fn answers_arrive_as_they_were_sent(
        all in vec(answered(), 0..20),
        pieces in vec(1_usize..100, 1..20),
    ) {
        let mut bytes = Vec::new();
        all.iter().for_each(|answered| answered.write(&mut Encoder(&mut bytes)));
        let mut found = all.iter();
        feed::<FromWorker>(&bytes, &pieces, |answer| {
            assert_eq!(Some(answer), found.next().map(Answered::answer));
        });
        prop_assert!(found.next().is_none());
    }

    #[test]
    fn a_stream_that_ends_inside_a_frame_says_so(
        all in vec(answered(), 1..5),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = Vec::new();
        let mut ends = vec![0];
        for answered in &all {
            answered.write(&mut Encoder(&mut bytes));
            ends.push(bytes.len());
        }
        let cut = cut.index(bytes.len());
        let whole = *ends.iter().rfind(|&&end| end <= cut).unwrap();
        let mut decoder = Decoder::<FromWorker>::default();
        decoder.feed(&bytes[..cut]);
        while decoder.next().unwrap().is_some() {}
        let expected = match cut - whole {
            0 => Ok(()),
            have => Err(WireError::Truncated { have }),
        };
        prop_assert_eq!(decoder.finish(), expected);
    }

    #[test]
    fn whatever_comes_is_read_or_refused(bytes in vec(any::<u8>(), 0..400)) {
        decode_all(&bytes);
    }

    #[test]
    fn changed_frames_are_read_or_refused(
        said in vec(said(), 1..4),
        answered in vec(answered(), 1..4),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = Vec::new();
        said.iter().for_each(|said| said.write(&mut Encoder(&mut bytes)));
        answered.iter().for_each(|answered| answered.write(&mut Encoder(&mut bytes)));
        for (at, to) in changes {
            let at = at.index(bytes.len());
            bytes[at] = to;
        }
        decode_all(&bytes);
    }
}

/// A header of a kind, and a body of zeros.
fn frame(kind: u8, flags: u8, slot: u16, body: &[u8]) -> Vec<u8> {
    let mut bytes = (body.len() as u32).to_le_bytes().to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(slot.to_le_bytes());
    bytes.extend(body);
    bytes
}

fn refused(bytes: &[u8]) -> WireError {
    let mut decoder = Decoder::<FromWorker>::default();
    decoder.feed(bytes);
    let error = decoder.next().unwrap_err();
    // It stays refused, whatever else comes.
    decoder.feed(&frame(17, 0, 0, &[]));
    assert_eq!(decoder.next().unwrap_err(), error);
    assert_eq!(decoder.finish().unwrap_err(), error);
    assert!(!error.to_string().is_empty());
    error
}

#[test]
fn each_rule_has_its_error() {
    let (finished, ready) = (19, 17);
    let generation = 7_u32.to_le_bytes();
    for (bytes, error) in [
        (frame(99, 0, 0, &[]), WireError::UnknownKind { kind: 99 }),
        (
            frame(ready, 1, 0, &[]),
            WireError::UnknownFlags {
                kind: ready,
                flags: 1,
            },
        ),
        (frame(ready, 0, 5, &[]), WireError::BadSlot { slot: 5 }),
        (
            frame(ready, 0, 0, &[1]),
            WireError::BadLength {
                kind: ready,
                length: 1,
            },
        ),
        (
            frame(finished, 0, 1024, &generation),
            WireError::BadSlot { slot: 1024 },
        ),
        (
            frame(finished, 0, 0, &[0, 0, 0, 0x40]),
            WireError::BadGeneration {
                generation: 1 << 30,
            },
        ),
        (
            frame(finished, 0, 0, &[0, 0]),
            WireError::BadLength {
                kind: finished,
                length: 2,
            },
        ),
        (
            frame(
                finished,
                1,
                0,
                &[&generation[..], &[64, 0], &[0; 16]].concat(),
            ),
            WireError::BadPlace { place: 64 },
        ),
        (
            frame(finished, 1, 0, &[&generation[..], &[0; 19]].concat()),
            WireError::BadLength {
                kind: finished,
                length: 23,
            },
        ),
    ] {
        assert_eq!(refused(&bytes), error);
    }
    let is_bad_body = |error| matches!(error, WireError::BadBody { .. });
    assert!(is_bad_body(refused(&frame(16, 0, 0, &[0xff]))));
    assert!(is_bad_body(refused(&frame(18, 0, 0, &[9]))));
    assert!(is_bad_body(refused(&frame(1, 0, 0, &[2, 0, 0, 0]))));
}

#[test]
fn a_header_is_enough_to_refuse_a_frame_and_no_promise_is_believed() {
    let mut bytes = u32::try_from(MAX_BODY + 1).unwrap().to_le_bytes().to_vec();
    bytes.extend([19, 0, 0, 0]);
    assert_eq!(bytes.len(), HEADER);
    let error = WireError::Oversize {
        length: MAX_BODY + 1,
    };
    assert_eq!(refused(&bytes), error);

    // The longest frame that is allowed is promised: no memory is taken for it.
    bytes[..4].copy_from_slice(&u32::try_from(MAX_BODY).unwrap().to_le_bytes());
    let mut decoder = Decoder::<FromWorker>::default();
    decoder.feed(&bytes);
    assert_eq!(decoder.next(), Ok(None));
    assert!(decoder.space().capacity() < 1 << 20);
    assert_eq!(decoder.finish(), Err(WireError::Truncated { have: HEADER }));
}

#[test]
fn the_decoder_tells_whether_two_frames_are_there() {
    let ready = frame(17, 0, 0, &[]);
    let mut decoder = Decoder::<FromWorker>::default();
    assert!(!decoder.has_two());
    decoder.feed(&ready);
    assert!(!decoder.has_two());
    decoder.feed(&ready[..7]);
    assert!(!decoder.has_two());
    decoder.feed(&ready[7..]);
    assert!(decoder.has_two());
    decoder.next().unwrap();
    assert!(!decoder.has_two());
}

#[test]
fn the_corpus_of_the_fuzzer_is_read_or_refused() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/decoders");
    let mut count = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        decode_all(&std::fs::read(file.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count > 10, "{count}");
}
