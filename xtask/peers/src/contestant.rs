//! Who takes part.

use std::marker::PhantomData;

use anyhow::Result;

use crate::foreign::Foreign;
use crate::measure::measure;
use crate::pool::{Cancels, Pool};
use crate::pools::affinity::Affinity;
use crate::pools::async_task::AsyncTask;
use crate::pools::executors::{ExecutorsChannel, ExecutorsStealing};
use crate::pools::naive::Naive;
use crate::pools::ours::Ours;
use crate::pools::rayon::Rayon;
use crate::pools::rayon_scope::RayonScope;
use crate::pools::thread_per_task::ThreadPerTask;
use crate::pools::threadpool::Threadpool;
use crate::pools::threadpool_executor::ThreadpoolExecutor;
use crate::pools::tokio::{TokioBlocking, TokioSpawn};
use crate::sample::Sample;
use crate::workload::{Work, Workload};

/// What a result is compared as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Ours,
    Peer,
    Naive,
    Java,
    Python,
}

/// Something that can be measured.
pub(crate) trait Contestant {
    fn name(&self) -> &'static str;

    fn kind(&self) -> Kind;

    /// Of its language; None: it is of this program.
    fn version(&self) -> Option<String> {
        None
    }

    /// Why its number for this work is shown but is no measure for others.
    fn no_measure(&self, _work: Work) -> Option<&'static str> {
        None
    }

    /// Does one round. None: it has no such thing.
    fn run(&mut self, workload: Workload) -> Result<Option<Sample>>;
}

/// A pool of this process.
struct InProcess<P>(Kind, PhantomData<P>);

impl<P: Pool> Contestant for InProcess<P> {
    fn name(&self) -> &'static str {
        P::NAME
    }

    fn kind(&self) -> Kind {
        self.0
    }

    fn no_measure(&self, work: Work) -> Option<&'static str> {
        match work {
            Work::Start { .. } if !P::JOINS => Some("does not join its threads"),
            Work::Cancel { .. } if P::CANCELS == Cancels::FlagOnly => Some("sets a flag only"),
            _ => None,
        }
    }

    fn run(&mut self, workload: Workload) -> Result<Option<Sample>> {
        measure::<P>(workload)
    }
}

fn pool<P: Pool>(kind: Kind) -> Box<dyn Contestant> {
    Box::new(InProcess::<P>(kind, PhantomData))
}

/// Everybody of this process, this library first.
pub(crate) fn in_process() -> Vec<Box<dyn Contestant>> {
    vec![
        pool::<Ours>(Kind::Ours),
        pool::<AsyncTask>(Kind::Peer),
        pool::<ExecutorsStealing>(Kind::Peer),
        pool::<ExecutorsChannel>(Kind::Peer),
        pool::<Rayon>(Kind::Peer),
        Box::new(RayonScope),
        pool::<TokioSpawn>(Kind::Peer),
        pool::<TokioBlocking>(Kind::Peer),
        pool::<Affinity>(Kind::Peer),
        pool::<ThreadpoolExecutor>(Kind::Peer),
        pool::<Threadpool>(Kind::Peer),
        pool::<ThreadPerTask>(Kind::Peer),
        pool::<Naive>(Kind::Naive),
    ]
}

/// The programs of other languages, as far as their languages are here.
pub(crate) fn foreign() -> Vec<Box<dyn Contestant>> {
    let found = [Foreign::java(), Foreign::python()];
    found
        .into_iter()
        .flatten()
        .map(|program| Box::new(program) as Box<dyn Contestant>)
        .collect()
}
