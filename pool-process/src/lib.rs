//! pool-process
