//! What is seen of a pool's workers from outside.

use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::procfs::{Process, left_open};
use crate::session::Session;
use crate::table::Figures;

/// When all workers of a killed parent have to be gone.
const GONE: Duration = Duration::from_millis(1500);

/// Looks at idle workers, then kills the parent of an idle and a busy one.
pub(crate) fn look(command: Command) -> Result<Figures> {
    let left = left_open();
    let mut session = Session::start(command)?;
    ensure!(session.line()? == "idle");
    // What a worker does when it gets idle, it has done by then.
    std::thread::sleep(Duration::from_millis(300));
    let host = session.id();
    let mut workers = Process::descendants(host);
    workers.retain(|process| !process.is_helper());
    ensure!(!workers.is_empty(), "no workers");
    let number = workers.len() as f64;
    let mut found = Figures::new();
    let pss: Option<f64> = workers.iter().map(Process::pss).sum();
    found.insert("pss".into(), pss.map(|sum| sum / number));
    let most = |count: &dyn Fn(&Process) -> usize| workers.iter().map(count).max();
    let descriptors = most(&|worker| worker.descriptors());
    let inherited = most(&|worker| worker.inherited(host, &left));
    found.insert("descriptors".into(), descriptors.map(|n| n as f64));
    found.insert("inherited".into(), inherited.map(|n| n as f64));

    session.go_on()?;
    ensure!(session.line()? == "busy");
    let all = Process::descendants(host);
    session.kill()?;
    std::thread::sleep(GONE);
    let orphans: Vec<_> = all.iter().filter(|process| process.is_alive()).collect();
    found.insert("orphans".into(), Some(orphans.len() as f64));
    for orphan in orphans {
        orphan.kill();
    }
    Ok(found)
}
