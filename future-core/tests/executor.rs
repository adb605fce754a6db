//! The contract of executors, kept by the smallest of them.
#![cfg(all(not(cf_loom), feature = "serde"))]

use std::num::NonZeroUsize;
use std::sync::Mutex;

use future_core::executor::{PoolToken, Task};
use future_core::{
    Call, Executor, Future, Job, MapOptions, Portable, SubmitError, SubmitErrorKind, TaskError,
};
use serde::{Deserialize, Serialize};

/// Runs each job in `submit`, after a journey through bytes.
struct Inline {
    token: PoolToken,
    open: Mutex<bool>,
}

impl Inline {
    fn new() -> Self {
        Self {
            token: PoolToken::new(1),
            open: Mutex::new(true),
        }
    }

    fn travel<J: Portable>(&self, job: J) -> Result<J, SubmitError<J>> {
        if !*self.open.lock().unwrap() {
            return Err(SubmitError::new(SubmitErrorKind::Shutdown, "<inline>", job));
        }
        let mut bytes = Vec::new();
        job.encode(&mut bytes).unwrap();
        // SAFETY: written just above, by the same type.
        Ok(unsafe { J::decode(&bytes) }.unwrap())
    }
}

impl Executor for Inline {
    fn submit<J: Portable>(&self, job: J) -> Result<Future<J::Output>, SubmitError<J>> {
        let (task, future) = Task::new(self.travel(job)?, &self.token);
        task.run(|| {});
        Ok(future)
    }

    fn submit_fallible<J, T, E>(&self, job: J) -> Result<Future<T>, SubmitError<J>>
    where
        J: Portable + Job<Output = Result<T, E>>,
        T: Send + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>> + 'static,
    {
        let (task, future) = Task::new_fallible(self.travel(job)?, &self.token);
        task.run(|| {});
        Ok(future)
    }

    fn submit_all<I, J>(&self, jobs: I) -> Result<Vec<Future<J::Output>>, SubmitError<Vec<J>>>
    where
        I: IntoIterator<Item = J>,
        J: Portable,
    {
        let jobs: Vec<J> = jobs.into_iter().collect();
        if !*self.open.lock().unwrap() {
            return Err(SubmitError::new(
                SubmitErrorKind::Shutdown,
                "<inline>",
                jobs,
            ));
        }
        let submitted = jobs.into_iter().map(|job| self.submit(job));
        Ok(submitted
            .map(|future| future.expect("it is open"))
            .collect())
    }

    fn map_window(&self) -> usize {
        2
    }

    fn shutdown(&self) {
        *self.open.lock().unwrap() = false;
    }
}

fn add(a: u64, b: u64) -> u64 {
    a + b
}

fn half(n: u64) -> Result<u64, String> {
    if n % 2 == 0 {
        Ok(n / 2)
    } else {
        Err(format!("{n} is odd"))
    }
}

/// A job with data of its own.
#[derive(Serialize, Deserialize)]
struct Repeat {
    text: String,
    times: usize,
}

impl Job for Repeat {
    type Output = String;

    fn run(self) -> String {
        self.text.repeat(self.times)
    }
}

// T4
#[test]
fn one_function_runs_on_every_executor() {
    fn main_job<E: Executor>(executor: &E) -> u64 {
        let one = executor.call(add, (1, 2)).unwrap();
        let mapped = executor.map(|n: u64| n * 10, [1, 2, 3]);
        one.result().unwrap() + mapped.map(Result::unwrap).sum::<u64>()
    }
    assert_eq!(main_job(&Inline::new()), 63);
}

// T3, T4
#[test]
fn calls_and_jobs_that_may_fail() {
    let inline = Inline::new();
    let future = inline.submit_fallible(Call(half, (7,))).unwrap();
    let error = future.result().unwrap_err();
    assert!(matches!(&error, TaskError::Failed(_)));
    assert!(error.to_string().ends_with("failed: 7 is odd"), "{error}");
    let future = inline.submit_fallible(Call(half, (8,))).unwrap();
    assert_eq!(future.result().unwrap(), 4);
    // A failure that is only a value.
    let future = inline.call(half, (7,)).unwrap();
    assert_eq!(future.result().unwrap(), Err("7 is odd".to_owned()));
    let eight = |a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8| {
        [a, b, c, d, e, f, g, h].map(u32::from).iter().sum::<u32>()
    };
    let future = inline.call(eight, (1, 2, 3, 4, 5, 6, 7, 8)).unwrap();
    assert_eq!(future.result().unwrap(), 36);
    let future = inline.call(|| 5, ()).unwrap();
    assert_eq!(future.result().unwrap(), 5);
}

// T4
#[test]
fn jobs_of_own_types_travel() {
    let text = "ab".to_owned();
    let future = Inline::new().submit(Repeat { text, times: 3 }).unwrap();
    assert_eq!(future.result().unwrap(), "ababab");
}

// C-192, D-22
#[test]
fn a_refused_job_is_given_back() {
    let inline = Inline::new();
    inline.shutdown();
    let text = "ab".to_owned();
    let refused = inline.submit(Repeat { text, times: 2 }).unwrap_err();
    assert!(refused.is_shutdown());
    assert_eq!(refused.into_job().run(), "abab");
    let refused = inline.call(add, (1, 2)).unwrap_err();
    assert_eq!(refused.into_job().run(), 3);
}

// C-080, C-098, C-101
#[test]
fn maps_of_the_contract() {
    let inline = Inline::new();
    let one = NonZeroUsize::MIN;
    let mut map = inline.map_with(MapOptions::new().buffersize(one), half, 0..4);
    assert_eq!(map.in_flight(), 1);
    assert_eq!(map.next().unwrap().unwrap(), Ok(0));
    inline.shutdown();
    assert!(map.next().unwrap().unwrap().is_err());
    assert!(matches!(map.next(), Some(Err(TaskError::Rejected(_)))));
    assert!(map.next().is_none());
    assert_eq!(Inline::new().map(half, 0..9).in_flight(), 2);
}

// C-082
#[test]
fn for_each_of_the_contract() {
    let inline = Inline::new();
    inline.for_each(|n: u64| assert!(n < 4), 0..4).unwrap();
    let error = inline
        .for_each(|n: u64| assert!(n != 2, "two"), 0..4)
        .unwrap_err();
    assert_eq!((error.failures().len(), error.total()), (1, 4));
    assert_eq!(error.failures()[0].0, 2);
    inline.shutdown();
    let error = inline.for_each(|n: u64| assert!(n < 4), 0..4).unwrap_err();
    assert!(matches!(error.failures(), [(0, TaskError::Rejected(_))]));
}

#[test]
fn bytes_that_are_no_job_are_an_error() {
    // SAFETY: the type is plain data, for which any bytes will do.
    let Err(error) = (unsafe { Repeat::decode(&[200, 1]) }) else {
        panic!("there is no text of 200 bytes")
    };
    assert!(error.type_name().ends_with("Repeat"));
    let text = error.to_string();
    assert!(text.starts_with("cannot "), "{text}");
    assert!(text.contains("Repeat"), "{text}");
    let mut bytes = Vec::new();
    Repeat::encode_output(&"xyz".to_owned(), &mut bytes).unwrap();
    assert_eq!(Repeat::decode_output(&bytes).unwrap(), "xyz");
}
