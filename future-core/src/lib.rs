//! future-core
