use serde::{Deserialize, Serialize};

use crate::build_id::BuildId;

/// The version of everything in this folder. It stands first in a [`Hello`], so that every
/// version can read it.
pub const PROTOCOL: u32 = 1;

/// The first frame in each direction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The build that the sender is.
    pub build: BuildId,
    /// What the worker is to be called by tools that list threads; the worker says its own.
    pub name: String,
}

impl Hello {
    /// Why the two ends cannot work together, in words that say what to do.
    #[must_use]
    pub fn mismatch(&self, other: &Self) -> Option<String> {
        (self.build != other.build).then(|| {
            format!(
                "the worker is another build ({}) than this program ({}): functions are found by \
                 their place in the executable, so both must be the very same one; \
                 start workers from a copy of this executable",
                other.build, self.build
            )
        })
    }
}
