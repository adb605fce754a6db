//! What the workers are given to do.

use std::marker::PhantomData;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// What travels.
pub(crate) trait Travels: Serialize + DeserializeOwned + Send + 'static {}

impl<T: Serialize + DeserializeOwned + Send + 'static> Travels for T {}

/// A function that every pool can be given: one wants its address, another its type.
pub(crate) trait Task: 'static {
    type In: Travels;
    type Out: Travels;

    fn run(input: Self::In) -> Self::Out;
}

/// Does nothing.
pub(crate) struct Nothing;

impl Task for Nothing {
    type In = u64;
    type Out = u64;

    fn run(input: u64) -> u64 {
        input
    }
}

/// Gives back what it got.
pub(crate) struct Echo<P>(PhantomData<P>);

impl<P: Travels> Task for Echo<P> {
    type In = P;
    type Out = P;

    fn run(input: P) -> P {
        input
    }
}

/// Makes something new of what it got.
pub(crate) struct Renew<P>(PhantomData<P>);

/// What can be written anew.
pub(crate) trait Renewable: Travels {
    fn renewed(&self) -> Self;
}

impl<P: Renewable> Task for Renew<P> {
    type In = P;
    type Out = P;

    fn run(input: P) -> P {
        input.renewed()
    }
}

/// Writes the worker's process number into a file, then sleeps for so many milliseconds.
pub(crate) struct Sleep;

impl Task for Sleep {
    type In = (String, u64);
    type Out = u64;

    fn run((path, milliseconds): (String, u64)) -> u64 {
        if !path.is_empty() {
            // The name comes last, so that whoever sees the file sees what is in it.
            let draft = format!("{path}.draft");
            let written = std::fs::write(&draft, std::process::id().to_string());
            let _ = written.and_then(|()| std::fs::rename(&draft, &path));
        }
        std::thread::sleep(Duration::from_millis(milliseconds));
        milliseconds
    }
}
