//! A worker that is driven by hand.

#![allow(dead_code)]

use std::collections::VecDeque;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use future_core::{Call, Captureless, Function, Portable};
use pool_process::parts::wire::{Failure, Ticket};
use pool_process::parts::{
    EntryId, Exit, Initializer, LaunchSpec, Launcher, Link, LinkError, LocalLauncher, Lost, Output,
    Received, Report, TaskToSend, collect,
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Nothing that a test waits for takes nearly as long.
pub(crate) const LONG: Duration = Duration::from_secs(60);

pub(crate) struct Driver {
    pub(crate) link: Link,
    reports: VecDeque<Report>,
    pub(crate) closed: bool,
}

/// Waits for a descriptor, and fails the test if that takes too long.
pub(crate) fn wait_for(fd: BorrowedFd<'_>, flags: PollFlags) {
    let limit = Timespec {
        tv_sec: LONG.as_secs() as i64,
        tv_nsec: 0,
    };
    let mut fds = [PollFd::from_borrowed_fd(fd, flags)];
    assert_eq!(poll(&mut fds, Some(&limit)).unwrap(), 1, "nothing came");
}

/// Asks again and again until it is so.
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < LONG, "{what}");
        std::thread::yield_now();
    }
}

/// Where a job's code is.
pub(crate) fn entry_of<J: Portable>(_: &J) -> EntryId {
    EntryId::of::<J>().unwrap()
}

impl Driver {
    /// A worker that has said that it is ready.
    pub(crate) fn ready() -> Self {
        let mut driver = Self::launch(&LaunchSpec::default());
        driver.begin(None);
        driver
    }

    pub(crate) fn with_initializer(initializer: &Initializer) -> Self {
        let mut driver = Self::launch(&LaunchSpec::default());
        driver.begin(Some(initializer));
        driver
    }

    pub(crate) fn launch(spec: &LaunchSpec) -> Self {
        let launched = LocalLauncher::new().unwrap().launch(spec).unwrap();
        Self::over(Link::new(launched))
    }

    pub(crate) fn over(link: Link) -> Self {
        Self {
            link,
            reports: VecDeque::new(),
            closed: false,
        }
    }

    pub(crate) fn begin(&mut self, initializer: Option<&Initializer>) {
        self.link.begin(initializer);
        match self.next() {
            Ok(Report::Ready) => {}
            other => panic!("not ready: {other:?}, {}", self.stderr()),
        }
    }

    /// Queues a call.
    pub(crate) fn push<F, A>(&mut self, f: F, args: A) -> Ticket
    where
        F: Function<A, Output: Serialize + DeserializeOwned + Send + 'static> + Captureless,
        A: Serialize + DeserializeOwned + Send + 'static,
    {
        self.push_job(&Call(f, args), false)
    }

    pub(crate) fn push_job<J: Portable>(&mut self, job: &J, timed: bool) -> Ticket {
        let mut payload = Vec::new();
        let (encoded, attached) = collect(|| job.encode(&mut payload));
        encoded.unwrap();
        let task = TaskToSend {
            entry: EntryId::of::<J>().unwrap(),
            payload: &payload,
            attached: &attached,
            timed,
        };
        self.link.push(task).expect("the window is full")
    }

    pub(crate) fn push_raw(&mut self, entry: EntryId, payload: &[u8], timed: bool) -> Ticket {
        let task = TaskToSend {
            entry,
            payload,
            attached: &[],
            timed,
        };
        self.link.push(task).expect("the window is full")
    }

    /// Sends everything, and meanwhile reads what comes.
    pub(crate) fn flush(&mut self) {
        loop {
            match self.link.flush() {
                Ok(true) => return,
                Ok(false) => {
                    wait_for(self.link.as_fd(), PollFlags::OUT | PollFlags::IN);
                    self.receive().unwrap();
                }
                // It is dead; the process tells how.
                Err(_) => return,
            }
        }
    }

    fn receive(&mut self) -> Result<(), LinkError> {
        let reports = &mut self.reports;
        let received = self.link.receive(&mut |report| reports.push_back(report))?;
        self.closed |= received == Received::Closed;
        Ok(())
    }

    /// The next report; `Err` when the channel ends or the protocol is broken.
    pub(crate) fn next(&mut self) -> Result<Report, Option<LinkError>> {
        self.flush();
        loop {
            if let Some(report) = self.reports.pop_front() {
                return Ok(report);
            }
            if self.closed {
                return Err(None);
            }
            wait_for(self.link.as_fd(), PollFlags::IN);
            self.receive().map_err(Some)?;
        }
    }

    /// The output of a task, which must be the next one to be answered.
    pub(crate) fn output(&mut self, of: Ticket) -> Output {
        match self.next() {
            Ok(Report::Finished { ticket, output }) if ticket == of => output,
            other => panic!("no output: {other:?}; {}", self.stderr()),
        }
    }

    /// The failure of a task, which must be the next one to be answered.
    pub(crate) fn failure(&mut self, of: Ticket) -> Failure {
        match self.next() {
            Ok(Report::Failed { ticket, failure }) if ticket == of => failure,
            other => panic!("no failure: {other:?}; {}", self.stderr()),
        }
    }

    /// Calls a function in the worker.
    pub(crate) fn call<F, A, R>(&mut self, f: F, args: A) -> R
    where
        F: Function<A, Output = R> + Captureless,
        A: Serialize + DeserializeOwned + Send + 'static,
        R: Serialize + DeserializeOwned + Send + 'static,
    {
        let ticket = self.push(f, args);
        self.read::<Call<F, A>>(ticket)
    }

    /// The value of a task, which must be the next one to be answered.
    pub(crate) fn read<J: Portable>(&mut self, ticket: Ticket) -> J::Output {
        let output = self.output(ticket);
        let read = output.read_with(&mut Vec::new(), J::decode_output);
        read.unwrap().unwrap()
    }

    /// Waits until the channel has ended and the process too, and takes what it left.
    pub(crate) fn death(&mut self) -> (Exit, Vec<Report>, Vec<Lost>) {
        self.flush();
        while !self.closed {
            wait_for(self.link.as_fd(), PollFlags::IN);
            self.receive().unwrap();
        }
        let exit = self.wait();
        let reports = &mut self.reports;
        self.link
            .recover(&mut |report| reports.push_back(report))
            .unwrap();
        let lost = self.link.lost();
        (exit, self.reports.drain(..).collect(), lost)
    }

    pub(crate) fn wait(&mut self) -> Exit {
        wait_for(self.link.process.as_fd(), PollFlags::IN);
        self.link.process.try_wait().unwrap().unwrap()
    }

    /// Ends a worker that lives, in good order.
    pub(crate) fn retire(mut self) {
        self.link.retire();
        let (exit, reports, lost) = self.death();
        assert_eq!(exit, Exit::Code(0), "{}", self.stderr());
        assert!(reports.is_empty(), "{reports:?}");
        assert!(lost.is_empty(), "{lost:?}");
    }

    /// What the worker has written to its standard error so far.
    pub(crate) fn stderr(&mut self) -> String {
        let mut text = Vec::new();
        if let Some(stderr) = &self.link.stderr {
            let mut stderr = std::fs::File::from(stderr.try_clone().unwrap());
            // Until it would block, or ends.
            let _ = stderr.read_to_end(&mut text);
        }
        String::from_utf8_lossy(&text).into_owned()
    }
}
