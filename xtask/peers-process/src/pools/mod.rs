pub(crate) mod ours;
pub(crate) mod procspawn;
