//! What a host is asked to do.

use clap::ValueEnum;

/// One run of a host; it may find several figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Workload {
    /// Submit so many no-ops, then take their results in order.
    Burst,
    /// Map a no-op over so many items, 64 at a time.
    Map,
    /// The same, in chunks of the pool's own choice.
    MapAuto,
    /// So many no-ops, each submitted when the former's result is there.
    RoundTrip,
    /// Send so many bytes there and back, again and again.
    Echo,
    /// Make a pool and run one task.
    First,
    /// Kill a worker that is busy.
    Notice,
    /// Be looked at from outside, idle, then busy, then be killed.
    Outside,
}

impl Workload {
    /// As the command line of a host says it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Burst => "burst",
            Self::Map => "map",
            Self::MapAuto => "map-auto",
            Self::RoundTrip => "round-trip",
            Self::Echo => "echo",
            Self::First => "first",
            Self::Notice => "notice",
            Self::Outside => "outside",
        }
    }
}
